from __future__ import annotations

import gzip
import io
from pathlib import Path

import pytest

from tagsmith import Columns, ConfigError, DataError, Sentence, Tagged, TaggedSpan
from tagsmith.formats import (
    for_predictions,
    format_of,
    input_format_of,
    not_empty,
    read,
    read_inputs,
    readable,
    sentences_of,
    taggable,
    writable,
    write,
    write_predictions,
)
from tagsmith.formats.format import InputRecord, ReadOptions

CONLL = "a X O\nb Y B-Z\n"
JSONL = '{"tokens": ["a", "b"], "tags": ["O", "B-Z"]}\n'
CONLLU = "1\ta\t_\tO\t_\t_\t_\t_\t_\t_\n2\tb\t_\tB-Z\t_\t_\t_\t_\t_\t_\n"
TEXTS = {"conll": CONLL, "conllu": CONLLU, "jsonl": JSONL}


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("a.jsonl", "jsonl"),
        ("a.jsonl.gz", "jsonl"),
        ("a.ndjson", "jsonl"),
        ("a.conllu", "conllu"),
        ("a.conllu.gz", "conllu"),
        ("a.conll", "conll"),
        ("a.txt", "conll"),
        ("a.gz", "conll"),
        ("jsonl", "conll"),
        ("a.jsonl.bak", "conll"),
        ("folder.jsonl/a", "conll"),
        ("-", "conll"),
        ("", "conll"),
    ],
)
def test_the_ending_says_the_format(name: str, format: str) -> None:
    assert format_of(name) == format
    assert format_of(Path(name)) == format


@pytest.mark.parametrize("format", readable())
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_each_format_is_read_by_its_ending_or_by_its_name(tmp_path: Path, format: str, pack) -> None:
    for path, given in ((tmp_path / f"file.{format}", None), (tmp_path / "file.data", format)):
        path.write_bytes(pack(TEXTS[format].encode()))
        (sentence,) = read(path, given)
        assert (sentence.tokens, sentence.tags) == (("a", "b"), ("O", "B-Z"))


def test_the_name_of_the_format_wins_over_the_ending(tmp_path: Path) -> None:
    path = tmp_path / "file.jsonl"
    path.write_text(CONLL)
    assert next(read(path, "conll")).tags == ("O", "B-Z")
    with pytest.raises(DataError):
        next(read(path))


def test_columns_are_passed_on(tmp_path: Path) -> None:
    path = tmp_path / "file.conll"
    path.write_text(CONLL)
    assert next(read(path, columns=Columns(2, 1))).tokens == ("X", "Y")
    path = tmp_path / "file.conllu"
    path.write_text(CONLLU)
    assert next(read(path, columns=Columns(4, 2))).tokens == ("O", "B-Z")


@pytest.mark.parametrize("format", readable())
def test_tagged_and_on_bad_are_passed_on(tmp_path: Path, format: str) -> None:
    path = tmp_path / f"file.{format}"
    path.write_text(TEXTS[format] + "bad\n")
    bad: list[DataError] = []
    (sentence,) = read(path, tagged=False, on_bad=bad.append)
    assert sentence.tags is None
    assert [error.line for error in bad] == [TEXTS[format].count("\n") + 1]


@pytest.mark.parametrize("format", writable())
def test_what_is_written_in_each_format_is_read_back(tmp_path: Path, format: str) -> None:
    path = tmp_path / "file"
    given = [Sentence(["a", "b"], ["B-Z", "I-Z"]), Sentence(["c"], ["O"])]
    with path.open("w") as file:
        assert write(given, format, file, Columns(tag="xpos")) == 2
    columns = Columns(tag="xpos") if format == "conllu" else None
    found = list(read(path, "jsonl" if format == "spans" else format, columns))
    assert [(s.tokens, s.tags) for s in found] == [(s.tokens, s.tags) for s in given]


class TestInputs:
    @pytest.mark.parametrize(
        ("name", "format"),
        [("a.conll", "conll"), ("a.bio.gz", "conll"), ("a.conllu", "conllu"), ("a.ndjson", "jsonl"), ("a.tsv", "text")],
    )
    def test_the_ending_says_the_format_and_all_else_is_text(self, name: str, format: str) -> None:
        assert input_format_of(name) == format

    def test_columns_in_a_file_of_text_are_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "a.txt"
        path.write_text("a B-X\nb O\n")
        with pytest.raises(DataError, match="found columns"):
            next(read_inputs(path))
        assert next(read_inputs(path, "text")).given == "a B-X"

    @pytest.mark.parametrize("format", taggable())
    def test_what_is_read_to_be_tagged_has_no_tags(self, tmp_path: Path, format: str) -> None:
        path = tmp_path / "file"
        path.write_text({**TEXTS, "text": "a b\n"}[format])
        (record,) = read_inputs(path, format)
        assert record.given == "a b" if format == "text" else record.given.tokens == ("a", "b")  # type: ignore[union-attr]
        assert isinstance(record.given, str) or record.given.tags is None
        assert (record.source, record.line) == (str(path), 1)

    def test_the_options_are_passed_on(self, tmp_path: Path) -> None:
        path = tmp_path / "file.jsonl"
        path.write_text(f"{JSONL}bad\n")
        bad: list[DataError] = []
        assert len(list(read_inputs(path, options=ReadOptions(on_bad=bad.append)))) == 1
        assert [error.line for error in bad] == [2]


class TestPredictions:
    TAGGED = Tagged("a b", ("a", "b"), ("O", "B-Z"), (TaggedSpan(1, 2, "Z", "b", 2, 3),), (0, 2), ((0, 2),))

    @pytest.mark.parametrize("format", for_predictions())
    def test_each_format_holds_the_tokens_and_the_label(self, format: str) -> None:
        stream = io.StringIO()
        write_predictions([(InputRecord("a b"), self.TAGGED)], format, stream)
        assert all(text in stream.getvalue() for text in "abZ")

    @pytest.mark.parametrize("format", readable())
    def test_what_was_read_from_the_same_format_is_kept(self, tmp_path: Path, format: str) -> None:
        path = tmp_path / "file"
        kept = {"conll": "a X\nb Y\n", "conllu": f"# kept\n{CONLLU}", "jsonl": '{"tokens": ["a", "b"], "kept": 1}\n'}
        path.write_text(kept[format])
        stream = io.StringIO()
        write_predictions([(record, self.TAGGED) for record in read_inputs(path, format)], format, stream)
        assert {"conll": "a X O\nb Y B-Z\n", "conllu": f"# kept\n{CONLLU}", "jsonl": '"kept":1'}[
            format
        ] in stream.getvalue()


def test_an_unknown_format_is_an_error_that_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"format 'xml'; expected one of: conll, conllu, jsonl, spans$"):
        write([], "xml", io.StringIO())
    with pytest.raises(ConfigError, match=r"format 'xml'; expected one of: conll, conllu, jsonl$"):
        list(read(tmp_path / "file", "xml"))
    with pytest.raises(ConfigError, match=r"format 'xml'; expected one of: text, conll, conllu, jsonl$"):
        list(read_inputs(tmp_path / "file", "xml"))
    with pytest.raises(ConfigError, match=r"format 'xml'; expected one of: table, conll, conllu, jsonl, spans, html$"):
        write_predictions([], "xml", io.StringIO())


def test_a_format_that_can_not_do_it_is_an_error_as_well(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="format 'html'; expected one of"):
        write([], "html", io.StringIO())
    with pytest.raises(ConfigError, match="format 'text'; expected one of"):
        list(read(tmp_path / "file", "text"))


class TestSentencesOf:
    def test_a_file_is_read_and_an_iterable_is_taken_as_it_is(self, tmp_path: Path) -> None:
        path = tmp_path / "file"
        path.write_text(CONLL)
        given = sentences_of(path, Columns(tag=2), None, "words")
        assert [sentence.tags for sentence in given] == [("X", "Y")]
        assert sentences_of(iter(given), None, None, "words") == given

    def test_what_is_no_sentence_is_refused(self) -> None:
        with pytest.raises(TypeError, match="found str in it"):
            sentences_of(["a"], None, None, "words")  # type: ignore[list-item]

    @pytest.mark.parametrize("sentences", [[], [Sentence([], [])]])
    def test_no_sentences_are_an_error_where_some_are_needed(self, sentences: list[Sentence]) -> None:
        with pytest.raises(DataError, match=r"^x\.conll: found no sentences"):
            not_empty("x.conll", sentences)
        assert not_empty("x", [Sentence(["a"], ["O"])])
