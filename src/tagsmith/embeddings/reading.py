"""From a file of vectors, whatever its format, to blocks of words and rows."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

from tagsmith.embeddings.binary_files import is_binary, read_word2vec_binary
from tagsmith.embeddings.senna import NUMBERS, WORDS, find_pair, read_senna
from tagsmith.embeddings.text_files import find_header, parse_numbers, read_glove, read_word2vec
from tagsmith.embeddings.vector_table import VectorBlock, looks_like_table
from tagsmith.errors import DataError
from tagsmith.files import Watch, check_readable, read_chunks

FORMS = {
    "glove": "GloVe text",
    "word2vec": "text with a header (word2vec, fastText)",
    "word2vec-binary": "word2vec binary",
    "senna": "Senna's two files",
}
"""The formats by name."""

_READERS = {"glove": read_glove, "word2vec": read_word2vec, "word2vec-binary": read_word2vec_binary}
_LOOKED_AT = 20  # rows, when words are missed
_FOREIGN = {
    b"\x1f\x8b": ("gzip on stdin, or gzip in gzip", "vectors, unpacked"),
    b"PK\x03\x04": ("a zip archive", "the file of vectors in it, unpacked"),
    b"\xba\x16\x4f\x2f": ("fastText's binary model", "its vectors as text, the file that ends in .vec"),
}


def files_of(path: str | os.PathLike[str], form: str | None = None) -> tuple[Path, ...]:
    """The file of vectors that a path names, or Senna's two: words, then numbers.

    Raises:
        DataError: there is no such file.
    """
    pair = find_pair(Path(path)) if form in (None, "senna") else None
    if pair is not None:
        return pair
    expected = f"a file of word vectors, or a folder with Senna's {WORDS} and {NUMBERS}"
    check_readable(path, expected)
    if form == "senna":
        raise DataError(f"no {WORDS} and {NUMBERS}", "Senna's two files, or a folder with them", source=str(path))
    return (Path(path),)


def read_blocks(
    path: str | os.PathLike[str], form: str | None = None, watch: Watch | None = None
) -> tuple[str, Iterator[VectorBlock]]:
    """The form of a file of vectors, and its blocks.

    Args:
        form: a key of ``FORMS``; unset, the content decides.
        watch: called with the bytes read and the bytes there are.

    Raises:
        DataError: the file is missing, empty, or anything in it is not as its form wants it.
    """
    files = files_of(path, form)
    if len(files) == 2:
        words, numbers = files
        blocks = read_senna(read_chunks(words), read_chunks(numbers, watch), str(words), str(numbers))
        return "senna", blocks
    chunks = read_chunks(path, watch)
    head = next(chunks, b"")
    if not head:
        raise DataError("an empty file", "word vectors", source=str(path))
    form = form or recognise(head, str(path))
    return form, _READERS[form](itertools.chain([head], chunks), str(path))


def recognise(head: bytes, source: str) -> str:
    """The form of a file by its first bytes.

    A first line of two whole numbers is a header; what follows it is binary or text. Any other first line is GloVe's.

    Raises:
        DataError: the file is an archive, fastText's own model or a packed table, or its rows have no words.
    """
    for start, (found, expected) in _FOREIGN.items():
        if head.startswith(start):
            raise DataError(found, expected, source=source)
    if looks_like_table(head):
        raise DataError("a packed table", "a table unpacked: it is mapped, not read", source=source)
    first, _, rest = head.partition(b"\n")
    header = find_header(first)
    if header is not None:
        return "word2vec-binary" if is_binary(rest, header[1]) else "word2vec"
    words = [line.split(b" ")[0] for line in head.split(b"\n")[:-1][:_LOOKED_AT]]
    # Words may be numbers, such as ids, but fractions among them and no other word are a column of a matrix.
    if len(words) > 1 and any(b"." in word for word in words) and parse_numbers(words, 1) is not None:
        expected = f"a word at the start of each row (Senna's numbers want {WORDS} beside them)"
        raise DataError("rows of numbers without words", expected, source=source, line=1)
    return "glove"
