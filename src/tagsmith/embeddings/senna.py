"""Senna's vectors: two files, words.lst with a word on each line and embeddings.txt with the numbers of its row."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from tagsmith.embeddings.text_files import decode_words, parse_numbers, read_lines
from tagsmith.embeddings.vector_table import VectorBlock
from tagsmith.errors import DataError

WORDS, NUMBERS = "words.lst", "embeddings.txt"
_FOLDERS = {WORDS: "hash", NUMBERS: "embeddings"}  # as Senna itself keeps them


def find_pair(path: Path) -> tuple[Path, Path] | None:
    """The files of words and of numbers, given either of them or a folder; None if they are not both there.

    They lie in one folder, or as in Senna's own: hash/words.lst and embeddings/embeddings.txt. Each may be gzip,
    its name ending in .gz.
    """
    is_folder = os.path.isdir(path)  # noqa: PTH112 (a name may be too long for pathlib)
    if not is_folder and path.name.removesuffix(".gz") not in _FOLDERS:
        return None
    for folder in [path] if is_folder else [path.parent, path.absolute().parent.parent]:
        words, numbers = (_find(folder, name) for name in (WORDS, NUMBERS))
        if words and numbers and (is_folder or path.absolute() in (words.absolute(), numbers.absolute())):
            return words, numbers
    return None


def _find(folder: Path, name: str) -> Path | None:
    places = [folder / name, folder / _FOLDERS[name] / name]
    found = (place for plain in places for place in (plain, plain.with_name(f"{name}.gz")) if place.is_file())
    return next(found, None)


def read_senna(
    words_chunks: Iterable[bytes], number_chunks: Iterable[bytes], words_source: str, source: str
) -> Iterator[VectorBlock]:
    """Words and rows of Senna's two files.

    Raises:
        DataError: other rows than words, a row of another width, anything but finite numbers in it, or a word that is
            empty or not UTF-8.
    """
    words: list[str] = []
    for first, lines in read_lines(words_chunks, words_source):
        block = decode_words([line.removesuffix(b"\r") for line in lines], words_source, first)
        if "" in block:
            raise DataError("an empty line", "a word", source=words_source, line=first + block.index(""))
        words += block
    dim = 0
    row = 0
    for first, lines in read_lines(number_chunks, source):
        rows = [line.rstrip(b" \r") for line in lines]
        dim = dim or len(rows[0].split(b" "))
        matrix = parse_numbers(rows, dim)
        if matrix is None:
            place = next(i for i, line in enumerate(rows) if parse_numbers([line], dim) is None)
            found = f"{rows[place][:60].decode(errors='replace')!r}"
            raise DataError(found, f"{dim} numbers", source=source, line=first + place)
        row += len(rows)
        if row > len(words):
            expected = f"{len(words):,} rows, as {words_source} has lines"
            raise DataError("one more row", expected, source=source, line=len(words) + 1)
        yield words[row - len(rows) : row], matrix
    if row < len(words):
        expected = f"{len(words):,} rows, as {words_source} has lines"
        raise DataError("the end of the file", expected, source=source, line=row + 1)
