"""word2vec text, which is also fastText's .vec: rows as in GloVe text below a header "count dimension"."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from tagsmith.embeddings.text_rows import BOM, ByteStream, parse_rows, read_lines, shown
from tagsmith.embeddings.vector_table import VectorBlock
from tagsmith.errors import DataError

_WIDEST = 65_536  # numbers in a row


def read_word2vec(file: ByteStream) -> Iterator[VectorBlock]:
    """Read words and vectors from word2vec text.

    Raises:
        DataError: the header is missing or disagrees with the rows, a number is not finite, or a word is not UTF-8.
    """
    blocks = read_lines(*file)
    _, lines = next(blocks, (1, [b""]))
    header = shown(lines[0])
    missing, dim = parse_header(lines[0], file.source)
    line = 2
    for _, rows in itertools.chain([(2, lines[1:])], blocks):
        if rows[:missing]:
            expected = f"a word and {dim} numbers, as line 1 is {header}"
            yield parse_rows(rows[:missing], dim, file.source, line, expected)
        if len(rows) > missing:
            found = f"one more line, {shown(rows[missing])}"
            expected = f"the end of the file, as line 1 is {header}"
            raise DataError(found, expected, source=file.source, line=line + missing)
        missing -= len(rows)
        line += len(rows)
    if missing:
        expected = f"{missing:,} more {'row' if missing == 1 else 'rows'}, as line 1 is {header}"
        raise DataError("the end of the file", expected, source=file.source, line=line)


def find_header(line: bytes) -> tuple[int, int] | None:
    """Return the count and the dimension if a line consists of two whole numbers, else None."""
    fields = line.removeprefix(BOM).split()
    if len(fields) != 2 or not all(field.isdigit() and len(field) < 16 for field in fields):
        return None
    count, dim = map(int, fields)
    return count, dim


def parse_header(line: bytes, source: str) -> tuple[int, int]:
    """Parse the first line of a file as count and dimension.

    Raises:
        DataError: the line is not a header, has a 0, or its dimension is too large.
    """
    header = find_header(line)
    if header is None or 0 in header or header[1] > _WIDEST:
        expected = f"a header: the number of words and the dimension of their vectors (1 to {_WIDEST:,})"
        raise DataError(shown(line), expected, source=source, line=1)
    return header
