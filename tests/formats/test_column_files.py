from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import pytest

from tagsmith import Columns, DataError, Sentence, Tagged
from tagsmith.formats import conll, conllu
from tagsmith.formats.column_files import (
    column_format,
    read_blocks_to_tag,
    sentences_of_prediction,
    write_into_blocks,
)
from tagsmith.formats.columns import Block, Layout
from tagsmith.formats.format import InputRecord, Prediction, ReadOptions
from tagsmith.text import spaced


def tagged(tokens: str, tags: str, *sentences: tuple[int, int]) -> Tagged:
    words = tuple(tokens.split())
    text, starts = spaced(words)
    return Tagged(text, words, tuple(tags.split()), (), tuple(starts), sentences or ((0, len(words)),))


def written(layout: Layout, *predictions: Prediction, columns: Columns | None = None) -> str:
    stream = io.StringIO(newline="")
    if layout is conllu.LAYOUT:
        write_into_blocks(layout, conllu.write, predictions, stream, columns)
    else:
        write_into_blocks(layout, lambda sentences, file, _: conll.write(sentences, file), predictions, stream, columns)
    return stream.getvalue()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "x.conll"
    path.write_text("-DOCSTART- O\n\nJay NN\nleft VB\n\n\nIndia NN")
    return path


def test_inputs_are_sentences_without_tags_that_keep_their_lines(file: Path):
    first, second = read_blocks_to_tag(conll.LAYOUT, file, ReadOptions())
    assert (first.given, second.given) == (Sentence(["Jay", "left"]), Sentence(["India"]))
    assert [(r.source, r.line, r.starts_file) for r in (first, second)] == [(str(file), 3, True), (str(file), 7, False)]
    assert isinstance(first.origin, Block)


def test_predictions_are_written_into_the_lines_they_were_read_from(file: Path):
    first, second = read_blocks_to_tag(conll.LAYOUT, file, ReadOptions())
    predictions = (first, tagged("Jay left", "B-PER O")), (second, tagged("India", "B-LOC"))
    assert written(conll.LAYOUT, *predictions) == "-DOCSTART- O\n\nJay NN B-PER\nleft VB O\n\n\nIndia NN B-LOC"


def test_lines_of_another_layout_are_not_kept(file: Path):
    first, _ = read_blocks_to_tag(conll.LAYOUT, file, ReadOptions())
    rows = "1\tJay\t_\tB-PER" + "\t_" * 6 + "\n2\tleft\t_\tO" + "\t_" * 6 + "\n\n"
    assert written(conllu.LAYOUT, (first, tagged("Jay left", "B-PER O"))) == rows


@pytest.mark.parametrize(("end", "gap"), [("", "\n\n"), ("\n", "\n"), ("\n\n", ""), ("\r\n\r\n", "")])
def test_a_blank_line_separates_a_file_from_the_next(end: str, gap: str, tmp_path: Path):
    (tmp_path / "x").write_bytes(f"a{end}".encode())
    (record,) = read_blocks_to_tag(conll.LAYOUT, tmp_path / "x", ReadOptions())
    text = InputRecord("b")
    assert written(conll.LAYOUT, (record, tagged("a", "O")), (text, tagged("b", "O"))) == f"a O{end}{gap}b\tO\n\n"
    assert written(conll.LAYOUT, *[(record, tagged("a", "O"))] * 2) == f"a O{end}{gap}a O{end}"


def test_the_sentences_of_a_text_are_written_apart():
    text = tagged("Jay left . Yes", "B-PER O O O", (0, 3), (3, 4))
    assert [s.tokens for s in sentences_of_prediction((InputRecord(""), text))] == [("Jay", "left", "."), ("Yes",)]
    assert written(conll.LAYOUT, (InputRecord(""), text)) == "Jay\tB-PER\nleft\tO\n.\tO\n\nYes\tO\n\n"


def test_malformed_lines_are_skipped_with_on_bad(file: Path):
    file.write_text("Jay NN\nbad\n")
    with pytest.raises(DataError):
        list(read_blocks_to_tag(conll.LAYOUT, file, ReadOptions()))
    bad: list[DataError] = []
    (record,) = read_blocks_to_tag(conll.LAYOUT, file, ReadOptions(on_bad=bad.append))
    assert (record.given, bad[0].line) == (Sentence(["Jay"]), 2)


def test_the_format_of_a_layout_reads_and_writes_by_it(file: Path):
    layout = dataclasses.replace(conll.LAYOUT, name="mine")
    row = column_format("mine", (".mine",), layout, conllu.write)
    assert row.read
    assert row.read_inputs
    assert row.write_predictions
    assert row.layout is layout
    assert next(row.read(file, ReadOptions(Columns(tag=1, word=2)))).tags == ("Jay", "left")
    stream = io.StringIO()
    row.write_predictions(
        ((r, tagged("a " * len(r.given), "O " * len(r.given))) for r in row.read_inputs(file, ReadOptions())),
        stream,
        None,
    )
    assert "Jay NN O" in stream.getvalue()
