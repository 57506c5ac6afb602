"""Vectors as word2vec's binary file: a line "count width", then for each word its bytes, a space and its numbers."""

from __future__ import annotations

import codecs
from collections.abc import Iterator

import numpy as np

from tagsmith.embeddings.text_files import check_header, parse_numbers
from tagsmith.embeddings.vector_table import VectorBlock
from tagsmith.errors import DataError

_LONGEST = 10_000  # bytes in a word
_CONTROL = set(range(32)) - set(b"\t\n\r")


def read_word2vec_binary(chunks: Iterator[bytes], source: str) -> Iterator[VectorBlock]:
    """Words and rows of word2vec's binary file: float32, little-endian.

    After each row a line feed may stand (word2vec.c writes one) or not (gensim writes none).

    Args:
        chunks: the bytes of the file, the first of them with the whole header.

    Raises:
        DataError: no header, a file that ends too soon or too late, a number that is not finite, or a word that is
            empty, too long, or not UTF-8; with the byte, counted from 0.
    """
    data = next(chunks, b"")
    header, newline, data = data.partition(b"\n")
    count, dim = check_header(header, source)
    size = 4 * dim
    base = len(header + newline)  # byte of the file at which data starts
    at = 0
    starts: list[int] = []
    names: list[bytes] = []
    rows: list[bytes] = []
    for row in range(1, count + 1):
        while True:
            start = at + (data[at : at + 1] == b"\n")
            space = data.find(b" ", start, start + _LONGEST)
            if 0 <= space < len(data) - size:
                break
            if space < 0 and len(data) - start >= _LONGEST:
                found = f"no space in {_LONGEST:,} bytes from byte {base + start:,}"
                raise DataError(found, f"word {row:,} and a space", source=source)
            if names:
                yield _block(starts, names, rows, dim, source)
                starts, names, rows = [], [], []
            if not (chunk := next(chunks, b"")):
                found = f"the end of the file at byte {base + len(data):,}, in row {row:,}"
                expected = f"{count:,} rows of a word and {dim} numbers, as the header says"
                raise DataError(found, expected, source=source)
            data, base, at = data[at:] + chunk, base + at, 0
        starts.append(base + start)
        names.append(data[start:space])
        rows.append(data[space + 1 : space + 1 + size])
        at = space + 1 + size
    yield _block(starts, names, rows, dim, source)
    rest = data[at:] or next(chunks, b"")
    if rest.removeprefix(b"\n") or next(chunks, b""):
        expected = f"the end of the file after {count:,} rows of {dim} numbers, as the header says"
        raise DataError(f"more bytes at byte {base + at:,}", expected, source=source)


def _block(starts: list[int], names: list[bytes], rows: list[bytes], dim: int, source: str) -> VectorBlock:
    words = [_word(name, start, source) for name, start in zip(names, starts, strict=True)]
    matrix = np.frombuffer(b"".join(rows), "<f4").reshape(-1, dim)
    finite = np.isfinite(matrix)
    if not finite.all():
        row, column = (int(i) for i in np.argwhere(~finite)[0])
        byte = starts[row] + len(names[row]) + 1 + 4 * column
        found = f"the number {matrix[row, column]} at byte {byte:,}, in the row of {words[row]!r}"
        raise DataError(found, "finite numbers", source=source)
    return words, matrix


def _word(name: bytes, start: int, source: str) -> str:
    # A line feed or a NUL inside says that we are not where a word starts: the rows have another width.
    if name and b"\n" not in name and b"\0" not in name:
        try:
            return name.decode("utf-8")
        except UnicodeDecodeError:
            pass
    raise DataError(f"{name[:60]!r} at byte {start:,}", "a word in UTF-8", source=source)


def is_binary(body: bytes, dim: int) -> bool:
    """Whether what follows a header is binary: no row of text, and bytes that text has not.

    Args:
        body: the file after its first line, or enough of it.
    """
    fields = body.partition(b"\n")[0].rstrip(b" \r").rsplit(b" ", dim)
    if len(fields) > dim and parse_numbers([b" ".join(fields[1:])], dim) is not None:
        return False
    if _CONTROL & set(body):
        return True
    try:
        codecs.getincrementaldecoder("utf-8")().decode(body)  # the last character may be cut
    except UnicodeDecodeError:
        return True
    return False
