"""CoNLL columns: one token a line, a blank line after each sentence.

A line with a TAB is split at TABs only, any other line at runs of spaces. No other Unicode white space splits a line.
A ``-DOCSTART-`` line marks a document and is not a token.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TextIO

from tagsmith.errors import DataError
from tagsmith.formats.columns import Layout, check_fits
from tagsmith.text import Sentence

DOCSTART = "-DOCSTART-"


def write(sentences: Iterable[Sentence], file: TextIO) -> int:
    """Write tokens and tags with a TAB between them, a blank line after each sentence; return the sentence count.

    Raises:
        DataError: a token or tag that would not be read back as it is.
    """
    count = 0
    for sentence in sentences:
        count += 1
        if not sentence.tokens or (count == 1 and sentence.tokens[0].startswith("\ufeff")):
            found = repr(sentence.tokens[0]) if sentence.tokens else "a sentence without tokens"
            expected = "a token to start with; columns hold no empty sentence, and no byte order mark as text"
            raise DataError(found, expected, source=sentence.source, line=sentence.line_of())
        for row in zip(sentence.tokens, sentence.tags, strict=True) if sentence.tags else zip(sentence.tokens):
            for value in row:
                # A line without a TAB would be split at its spaces.
                check_fits(value, spaces=len(row) > 1, source=sentence.source, line=sentence.line_of())
            if row[0] == DOCSTART:
                raise DataError(repr(DOCSTART), "a token; this word marks a document", source=sentence.source)
            file.write("\t".join(row) + "\n")
        file.write("\n")
    return count


def _split(body: str) -> list[str]:
    """Return the fields of a line; none for a blank line, a line of spaces and TABs only, and -DOCSTART-."""
    if not body.strip(" \t"):
        return []
    fields = body.split("\t") if "\t" in body else [field for field in body.split(" ") if field]
    return [] if fields[0] == DOCSTART else fields


LAYOUT = Layout("CoNLL", _split, word=1, tag=-1, document=DOCSTART)
read, read_blocks = LAYOUT.read, LAYOUT.read_blocks
