from __future__ import annotations

import gzip
import io
from pathlib import Path

import pytest

from tagsmith import Columns, ConfigError, DataError, Sentence
from tagsmith.formats import format_of, read, readable, writable, write

CONLL = "a X O\nb Y B-Z\n"
JSONL = '{"tokens": ["a", "b"], "tags": ["O", "B-Z"]}\n'
CONLLU = "1\ta\t_\tO\t_\t_\t_\t_\t_\t_\n2\tb\t_\tB-Z\t_\t_\t_\t_\t_\t_\n"
TEXTS = {"conll": CONLL, "conllu": CONLLU, "jsonl": JSONL}


@pytest.mark.parametrize(
    ("name", "kind"),
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
def test_the_ending_says_the_format(name: str, kind: str) -> None:
    assert format_of(name) == kind
    assert format_of(Path(name)) == kind


@pytest.mark.parametrize("kind", readable())
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_each_format_is_read_by_its_ending_or_by_its_name(tmp_path: Path, kind: str, pack) -> None:
    for path, given in ((tmp_path / f"file.{kind}", None), (tmp_path / "file.data", kind)):
        path.write_bytes(pack(TEXTS[kind].encode()))
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


@pytest.mark.parametrize("kind", readable())
def test_tagged_and_on_bad_are_passed_on(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"file.{kind}"
    path.write_text(TEXTS[kind] + "bad\n")
    bad: list[DataError] = []
    (sentence,) = read(path, tagged=False, on_bad=bad.append)
    assert sentence.tags is None
    assert [error.line for error in bad] == [TEXTS[kind].count("\n") + 1]


@pytest.mark.parametrize("kind", writable())
def test_what_is_written_in_each_format_is_read_back(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "file"
    given = [Sentence(["a", "b"], ["B-Z", "I-Z"]), Sentence(["c"], ["O"])]
    with path.open("w") as file:
        assert write(given, kind, file, Columns(tag="xpos")) == 2
    columns = Columns(tag="xpos") if kind == "conllu" else None
    found = list(read(path, "jsonl" if kind == "spans" else kind, columns))
    assert [(s.tokens, s.tags) for s in found] == [(s.tokens, s.tags) for s in given]


def test_an_unknown_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="format 'xml'"):
        write([], "xml", io.StringIO())
    with pytest.raises(ConfigError, match="format 'xml'"):
        list(read(tmp_path / "file", "xml"))
