"""word2vec's binary format: a header "count dimension", then for each word its bytes, a space and its numbers."""

from __future__ import annotations

import codecs
from collections.abc import Iterator

import numpy as np

from tagsmith.embeddings.text_rows import ByteStream, parse_numbers
from tagsmith.embeddings.vector_table import VectorBlock
from tagsmith.embeddings.word2vec import parse_header
from tagsmith.errors import DataError

_LONGEST = 10_000  # bytes in a word
_CONTROL = set(range(32)) - set(b"\t\n\r")


def read_word2vec_binary(file: ByteStream) -> Iterator[VectorBlock]:
    """Read words and vectors from word2vec's binary format: float32, little-endian.

    A line feed may follow each row: word2vec.c writes one, gensim writes none. The first chunk must hold the header.

    Raises:
        DataError: the header is missing, the file is too short or too long, a number is not finite, or a word is
            empty, too long or not UTF-8. The error names the byte, counted from 0.
    """
    chunks, source = file
    header, newline, data = next(chunks, b"").partition(b"\n")
    count, dim = parse_header(header, source)
    size = 4 * dim
    base = len(header + newline)  # the place of data in the file
    done = 0
    while True:
        places = _complete_rows(data, count - done, size)
        if places:
            yield _parse_block(data, places, base, dim, source)
        done += len(places)
        at = places[-1][1] + 1 + size if places else 0
        if done == count:
            break
        _check_word_ends(data, at, base, done + 1, source)
        if not (chunk := next(chunks, b"")):
            found = f"the end of the file at byte {base + len(data):,}, in row {done + 1:,}"
            expected = f"{count:,} rows of a word and {dim} numbers, as the header says"
            raise DataError(found, expected, source=source)
        data, base = data[at:] + chunk, base + at
    rest = data[at:] or next(chunks, b"")
    if rest.removeprefix(b"\n") or next(chunks, b""):
        expected = f"the end of the file after {count:,} rows of {dim} numbers, as the header says"
        raise DataError(f"more bytes at byte {base + at:,}", expected, source=source)


def is_binary(body: bytes, dim: int) -> bool:
    """Return whether the bytes after a header are binary: not a row of text, and with bytes that text does not have.

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


def _complete_rows(data: bytes, most: int, size: int) -> list[tuple[int, int]]:
    """Return the places of the word and of the space after it, for each of the first ``most`` rows that are whole.

    Args:
        size: the bytes of a vector.
    """
    places = []
    at = 0
    while len(places) < most:
        start = at + (data[at : at + 1] == b"\n")
        space = data.find(b" ", start, start + _LONGEST)
        if not 0 <= space < len(data) - size:
            break
        places.append((start, space))
        at = space + 1 + size
    return places


def _check_word_ends(data: bytes, at: int, base: int, row: int, source: str) -> None:
    start = at + (data[at : at + 1] == b"\n")
    if len(data) - start >= _LONGEST and data.find(b" ", start, start + _LONGEST) < 0:
        found = f"no space in {_LONGEST:,} bytes from byte {base + start:,}"
        raise DataError(found, f"word {row:,} and a space", source=source)


def _parse_block(data: bytes, places: list[tuple[int, int]], base: int, dim: int, source: str) -> VectorBlock:
    words = [_word(data[start:space], base + start, source) for start, space in places]
    rows = b"".join([data[space + 1 : space + 1 + 4 * dim] for _, space in places])
    matrix = np.frombuffer(rows, "<f4").reshape(-1, dim)
    finite = np.isfinite(matrix)
    if not finite.all():
        row, column = (int(i) for i in np.argwhere(~finite)[0])
        byte = base + places[row][1] + 1 + 4 * column
        found = f"the number {matrix[row, column]} at byte {byte:,}, in the row of {words[row]!r}"
        raise DataError(found, "finite numbers", source=source)
    return words, matrix


def _word(name: bytes, start: int, source: str) -> str:
    # A line feed or a NUL inside means that this is not the start of a word: the rows have another dimension.
    if name and b"\n" not in name and b"\0" not in name:
        try:
            return name.decode("utf-8")
        except UnicodeDecodeError:
            pass
    raise DataError(f"{name[:60]!r} at byte {start:,}", "a word in UTF-8", source=source)
