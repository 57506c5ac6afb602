"""GloVe text: a word and its numbers on each line, with single spaces between them."""

from __future__ import annotations

from collections.abc import Iterator

from tagsmith.embeddings.text_rows import ByteStream, parse_rows, read_lines, shown
from tagsmith.embeddings.vector_table import VectorBlock
from tagsmith.errors import DataError


def read_glove(file: ByteStream) -> Iterator[VectorBlock]:
    """Read words and vectors from GloVe text.

    The first line sets the dimension, so its word contains no space.

    Raises:
        DataError: a row has another dimension or a number that is not finite, or a word is not UTF-8.
    """
    dim = 0
    for first, lines in read_lines(*file):
        if not dim:
            dim = lines[0].rstrip(b" \r").count(b" ")
            if not dim:
                raise DataError(shown(lines[0]), "a word and its numbers", source=file.source, line=1)
        yield parse_rows(lines, dim, file.source, first, f"a word and {dim} numbers, as on line 1")
