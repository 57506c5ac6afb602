"""A new format is one row of the table: all of the library and the shell then know it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TextIO

import pytest

from tagsmith import ConfigError, Sentence, Tagger, formats, store
from tagsmith.files import read_lines
from tagsmith.formats.columns import Columns
from tagsmith.formats.format import Format, ReadOptions
from tests.support.handmade import lexicon_model
from tests.support.shell import run


def write_slashes(sentences: Iterable[Sentence], file: TextIO, columns: Columns | None) -> int:
    lines = [" ".join(map("/".join, zip(s.tokens, s.tags or (), strict=True))) for s in sentences]
    file.writelines(f"{line}\n" for line in lines)
    return len(lines)


def read_slashes(path: str | os.PathLike[str], options: ReadOptions) -> Iterator[Sentence]:
    for number, line in read_lines(path):
        tokens, tags = zip(*(pair.rsplit("/", 1) for pair in line.split()), strict=True)
        yield Sentence(tokens, tags if options.tagged else None, str(path), [number] * len(tokens))


@pytest.fixture
def _slashes_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(formats.FORMATS, "slashes", Format("token/tag", write=write_slashes))


@pytest.fixture
def _slashes_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(formats.FORMATS, "slashes", Format("token/tag", (".slashes",), read=read_slashes))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    store.save(lexicon_model(), tmp_path / "m")
    return tmp_path / "m"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "x.slashes"
    path.write_text("Jay/B-PER left/O\nIndia/B-LOC\n")
    return path


@pytest.mark.usefixtures("_slashes_out")
class TestOutput:
    def test_the_shell_writes_it(self, model: Path, tmp_path: Path):
        (tmp_path / "x.conll").write_text("Jay I-PER\nleft O\n\nIndia I-LOC\n")
        expected = "Jay/B-PER left/O\nIndia/B-LOC\n"
        assert run("convert", tmp_path / "x.conll", "-", "--to", "slashes", "--scheme", "IOB2").out == expected
        assert run("tag", model, tmp_path / "x.conll", "--to", "slashes").out == expected
        assert (
            run("tag", model, "--text", "Jay left. India", "--to", "slashes").out
            == "Jay/B-PER left/O ./O\nIndia/B-LOC\n"
        )

    def test_the_options_name_it_and_say_what_it_can_not_show(self, model: Path):
        assert "spans|slashes" in run("convert", "--help").out
        assert "slashes (token/tag)" in " ".join(run("convert", "--help").out.split())
        assert "html|slashes" in run("tag", "--help").out
        result = run("tag", model, "--text", "Jay", "--to", "slashes", "--probabilities")
        assert (result.code, result.out) == (2, "")
        assert "--probabilities goes with --to table, jsonl, spans or html" in result.err

    def test_it_can_not_be_read(self, model: Path, file: Path):
        assert run("convert", file, "-", "--from", "slashes").code == 2
        assert run("tag", model, file, "--from", "slashes").code == 2
        with pytest.raises(ConfigError, match=r"format 'slashes'; expected one of: conll, conllu, jsonl$"):
            list(formats.read(file, "slashes"))


@pytest.mark.usefixtures("_slashes_in")
class TestInput:
    def test_python_reads_it_by_its_ending(self, model: Path, file: Path):
        assert [s.tags for s in formats.read(file)] == [("B-PER", "O"), ("B-LOC",)]
        assert Tagger.load(model, compiled=False).evaluate(file).f1 == 100

    def test_the_shell_reads_it_by_its_ending(self, model: Path, file: Path):
        assert run("convert", file, "-", "--to", "conll").out == "Jay\tB-PER\nleft\tO\n\nIndia\tB-LOC\n\n"
        assert run("tag", model, file).out == "Jay : PER\nleft : O\n\nIndia : LOC\n\n"
        assert "accuracy 100.00" in run("evaluate", model, file).out
        assert "  tags fit: IOB2" in run("check", file).out

    def test_the_shell_reads_it_by_its_name(self, file: Path):
        moved = file.rename(file.with_suffix(".txt"))
        assert run("convert", moved, "-", "--from", "slashes", "--to", "jsonl").code == 0

    def test_it_can_not_be_written(self, file: Path):
        result = run("convert", file, file.with_name("y.slashes"))
        expected = "error: format 'slashes'; expected one of: conll, conllu, jsonl, spans\n"
        assert (result.code, result.err) == (1, expected)
        assert not file.with_name("y.slashes").exists()
