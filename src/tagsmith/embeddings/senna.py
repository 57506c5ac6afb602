"""Senna's vectors: a word on each line of words.lst, and its numbers on the same line of embeddings.txt."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from tagsmith.embeddings.text_rows import ByteStream, decode_words, parse_numbers, read_lines
from tagsmith.embeddings.vector_table import VectorBlock
from tagsmith.errors import DataError

WORDS, NUMBERS = "words.lst", "embeddings.txt"
_FOLDERS = {WORDS: "hash", NUMBERS: "embeddings"}  # as in Senna's own archive


def find_pair(path: Path) -> tuple[Path, Path] | None:
    """Return the files of words and of numbers, given a folder or either file; None unless both are there.

    Both are in one folder, or in Senna's own: hash/words.lst and embeddings/embeddings.txt. Each may be gzip, with a
    name that ends in .gz.
    """
    is_folder = os.path.isdir(path)  # noqa: PTH112 (a name may be too long for pathlib)
    if not is_folder and path.name.removesuffix(".gz") not in _FOLDERS:
        return None
    for folder in [path] if is_folder else [path.parent, path.absolute().parent.parent]:
        words, numbers = (_find(folder, name) for name in (WORDS, NUMBERS))
        if words and numbers and (is_folder or path.absolute() in (words.absolute(), numbers.absolute())):
            return words, numbers
    return None


def read_senna(words_file: ByteStream, numbers_file: ByteStream) -> Iterator[VectorBlock]:
    """Read words and vectors from Senna's two files.

    Raises:
        DataError: the files differ in length, a row has another dimension or a number that is not finite, or a word is
            empty or not UTF-8.
    """
    words = _read_words(words_file)
    source = numbers_file.source
    expected = f"{len(words):,} rows, as {words_file.source} has lines"
    dim = 0
    row = 0
    for first, lines in read_lines(*numbers_file):
        rows = [line.rstrip(b" \r") for line in lines]
        dim = dim or len(rows[0].split(b" "))
        matrix = parse_numbers(rows, dim)
        if matrix is None:
            bad = next(i for i, line in enumerate(rows) if parse_numbers([line], dim) is None)
            found = f"{rows[bad][:60].decode(errors='replace')!r}"
            raise DataError(found, f"{dim} numbers", source=source, line=first + bad)
        row += len(rows)
        if row > len(words):
            raise DataError("one more row", expected, source=source, line=len(words) + 1)
        yield words[row - len(rows) : row], matrix
    if row < len(words):
        raise DataError("the end of the file", expected, source=source, line=row + 1)


def _read_words(file: ByteStream) -> list[str]:
    words: list[str] = []
    for first, lines in read_lines(*file):
        block = decode_words([line.removesuffix(b"\r") for line in lines], file.source, first)
        if "" in block:
            raise DataError("an empty line", "a word", source=file.source, line=first + block.index(""))
        words += block
    return words


def _find(folder: Path, name: str) -> Path | None:
    plain = (folder / name, folder / _FOLDERS[name] / name)
    candidates = (path for place in plain for path in (place, place.with_name(f"{name}.gz")))
    return next((path for path in candidates if path.is_file()), None)
