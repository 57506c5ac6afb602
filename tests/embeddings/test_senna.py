"""Senna's two files: words.lst and embeddings.txt."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from tagsmith.embeddings import load_vectors
from tests.support.vector_files import error_of

WORDS = b"PADDING\nUNKNOWN\n0\n!\n'd\n"
NUMBERS = b"0 0 0\n-1.03682 1.77856 0.5\n1 2 3\n4 5 6\n7 8 9\n"


def lay(folder: Path, words: bytes = WORDS, numbers: bytes = NUMBERS, *, deep: bool = False, packed: str = "") -> Path:
    """The pair in one folder, or as in Senna's own; gives the folder."""
    for name, place, content in (("words.lst", "hash", words), ("embeddings.txt", "embeddings", numbers)):
        home = folder / place if deep else folder
        home.mkdir(parents=True, exist_ok=True)
        if name in packed:
            (home / f"{name}.gz").write_bytes(gzip.compress(content))
        else:
            (home / name).write_bytes(content)
    return folder


@pytest.mark.parametrize("packed", ["", "words.lst", "embeddings.txt", "words.lst embeddings.txt"])
@pytest.mark.parametrize("deep", [False, True], ids=["one folder", "Senna's folders"])
def test_the_pair_is_found_by_its_folder_and_by_either_file(tmp_path: Path, deep: bool, packed: str):
    folder = lay(tmp_path / "senna", deep=deep, packed=packed)
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) == 2
    for path in [folder, *files]:
        vectors = load_vectors(path)
        assert vectors.words.strings == ["PADDING", "UNKNOWN", "0", "!", "'d"]
        assert vectors.matrix[0].tolist() == [0, 0, 0]
        assert vectors.matrix[4].tolist() == [7, 8, 9]
        assert (vectors.format, vectors.source) == ("senna", str(path))


@pytest.mark.parametrize("path", ["words.lst", "embeddings.txt", ".", "../senna"])
def test_relative_names_find_the_other_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str):
    monkeypatch.chdir(lay(tmp_path / "senna"))
    assert len(load_vectors(path).words) == 5


def test_a_relative_name_inside_sennas_folders_finds_the_other_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(lay(tmp_path / "senna", deep=True) / "embeddings")
    assert len(load_vectors("embeddings.txt").words) == 5


@pytest.mark.parametrize("changed", ["words.lst", "embeddings.txt"])
def test_a_change_of_either_file_is_seen(tmp_path: Path, changed: str):
    folder = lay(tmp_path / "senna")
    load_vectors(folder)
    content = (folder / changed).read_bytes()
    (folder / changed).write_bytes(content.replace(b"\n", b"  \n" if changed == "embeddings.txt" else b"x\n", 2))
    vectors = load_vectors(folder)
    assert vectors.words.strings[1] == ("UNKNOWN" if changed == "embeddings.txt" else "UNKNOWNx")


def test_a_word_may_hold_spaces_and_repeated_words_are_counted(tmp_path: Path):
    vectors = load_vectors(lay(tmp_path / "senna", b"New York 7\r\na\r\na\r\n", b"1 2 \n3 4\r\n5 6"))
    assert (vectors.words.strings, vectors.repeated) == (["New York 7", "a"], 1)
    assert vectors.matrix.tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("words", "numbers", "file", "line", "found"),
    [
        (WORDS + b"more\n", NUMBERS, "embeddings.txt", 6, "the end of the file"),
        (WORDS, NUMBERS + b"1 2 3\n", "embeddings.txt", 6, "one more row"),
        (WORDS, NUMBERS.replace(b"4 5 6", b"4 5"), "embeddings.txt", 4, "'4 5'"),
        (WORDS, NUMBERS.replace(b"4 5 6", b"4 5 6 7"), "embeddings.txt", 4, "'4 5 6 7'"),
        (WORDS, NUMBERS.replace(b"4 5 6", b"4 x 6"), "embeddings.txt", 4, "'4 x 6'"),
        (WORDS, NUMBERS.replace(b"4 5 6", b"4 inf 6"), "embeddings.txt", 4, "'4 inf 6'"),
        (WORDS, NUMBERS.replace(b"4 5 6", b""), "embeddings.txt", 4, "''"),
        (WORDS, b"the 1 2\n", "embeddings.txt", 1, "'the 1 2'"),
        (WORDS, b"", "embeddings.txt", 1, "the end of the file"),
        (WORDS.replace(b"0", b""), NUMBERS, "words.lst", 3, "an empty line"),
        (WORDS.replace(b"0", b"\xe9"), NUMBERS, "words.lst", 3, "b'\\xe9'"),
        (b"", NUMBERS, "embeddings.txt", 1, "one more row"),
    ],
    ids=repr,
)
def test_a_fault_is_an_error_with_its_file_and_line(
    tmp_path: Path, words: bytes, numbers: bytes, file: str, line: int, found: str
):
    error = error_of(lay(tmp_path / "senna", words, numbers))
    assert (Path(error.source).name, error.line, error.found) == (file, line, found)


@pytest.mark.parametrize("lost", ["words.lst", "embeddings.txt"])
def test_half_a_pair_is_an_error(tmp_path: Path, lost: str):
    folder = lay(tmp_path / "senna")
    (folder / lost).unlink()
    (left,) = folder.iterdir()
    assert "words.lst and embeddings.txt" in error_of(folder).expected
    assert error_of(left, "senna").found == "no words.lst and embeddings.txt"
    assert error_of(left).line == 1  # numbers without words, or words without numbers


def test_numbers_alone_are_never_read_with_the_first_of_each_row_as_its_word(tmp_path: Path):
    (tmp_path / "renamed.txt").write_bytes(b"-1.03 1.77 0.5\n0.1 0.2 0.3\n1.5 2 3\n")
    error = error_of(tmp_path / "renamed.txt")
    assert error.found == "rows of numbers without words"
    assert "words.lst" in error.expected
    assert load_vectors(tmp_path / "renamed.txt", "glove").words.strings == ["-1.03", "0.1", "1.5"]


def test_glove_text_named_as_sennas_file_is_read_when_forced(tmp_path: Path):
    folder = lay(tmp_path / "senna", numbers=b"the 1 2\n")
    assert load_vectors(folder / "embeddings.txt", "glove").words.strings == ["the"]
