"""The formats of vector files: one row each for how a format is found, recognised and read.

A new format is a module with a reader and a row in ``FORMATS``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tagsmith.embeddings.glove import read_glove
from tagsmith.embeddings.senna import NUMBERS, WORDS, find_pair, read_senna
from tagsmith.embeddings.text_rows import parse_numbers
from tagsmith.embeddings.vector_table import VectorBlock, looks_like_table
from tagsmith.embeddings.word2vec import find_header, read_word2vec
from tagsmith.embeddings.word2vec_binary import is_binary, read_word2vec_binary
from tagsmith.errors import DataError

_ROWS = 20  # rows that are searched for words
_OTHER_FILES = {
    b"\x1f\x8b": ("gzip on stdin, or gzip in gzip", "vectors, unpacked"),
    b"PK\x03\x04": ("a zip archive", "the file of vectors in it, unpacked"),
    b"\xba\x16\x4f\x2f": ("fastText's binary model", "its vectors as text, the file that ends in .vec"),
}


@dataclass(frozen=True)
class VectorFormat:
    """A format of vector files."""

    title: str
    read: Callable[..., Iterator[VectorBlock]]
    """Reads blocks, given a ``ByteStream`` for each file."""
    matches: Callable[[bytes], bool] = lambda head: False
    """Given the first bytes of a single file, returns whether it has this format."""
    find_files: Callable[[Path], tuple[Path, ...] | None] | None = None
    """For a format of several files: returns them, given any of them or their folder, or None."""


def _is_word2vec_binary(head: bytes) -> bool:
    first, _, rest = head.partition(b"\n")
    header = find_header(first)
    return header is not None and is_binary(rest, header[1])


def _is_word2vec(head: bytes) -> bool:
    return find_header(head.partition(b"\n")[0]) is not None


# The first format that matches counts, so the last row is for all other files.
FORMATS: dict[str, VectorFormat] = {
    "senna": VectorFormat("Senna's two files", read_senna, find_files=find_pair),
    "word2vec-binary": VectorFormat("word2vec binary", read_word2vec_binary, _is_word2vec_binary),
    "word2vec": VectorFormat("text with a header (word2vec, fastText)", read_word2vec, _is_word2vec),
    "glove": VectorFormat("GloVe text", read_glove, lambda head: True),
}


def detect_format(head: bytes, source: str) -> str:
    """Return the name of a single file's format, by its first bytes.

    A first line of two whole numbers is a header; what follows it is binary or text. With any other first line the
    file is GloVe text.

    Raises:
        DataError: the file is an archive, fastText's own model or a compressed table, or its rows have no words.
    """
    for start, (found, expected) in _OTHER_FILES.items():
        if head.startswith(start):
            raise DataError(found, expected, source=source)
    if looks_like_table(head):
        raise DataError("a packed table", "a table unpacked: it is mapped, not read", source=source)
    name = next(name for name, each in FORMATS.items() if each.matches(head))
    if name == "glove":
        _check_words(head, source)
    return name


def _check_words(head: bytes, source: str) -> None:
    words = [line.split(b" ")[0] for line in head.split(b"\n")[:-1][:_ROWS]]
    # Words may be numbers, such as ids. Fractions among them and no other word are the first column of a matrix.
    if len(words) > 1 and any(b"." in word for word in words) and parse_numbers(words, 1) is not None:
        expected = f"a word at the start of each row (Senna's numbers need {WORDS} in the same folder as {NUMBERS})"
        raise DataError("rows of numbers without words", expected, source=source, line=1)
