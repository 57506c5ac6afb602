"""CoNLL-U: ten columns between TABs, comments, and a tag in the UPOS or XPOS column.

Multiword ranges (``1-2``) and empty nodes (``8.1``) are no words of their own: they and the comments are passed over,
and stay where they are when a file is written back.
Source: https://universaldependencies.org/format.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TextIO

from tagsmith.errors import ConfigError, DataError
from tagsmith.formats.columns import Columns, Layout, check_fits
from tagsmith.text import Sentence

NAMES = ("ID", "FORM", "LEMMA", "UPOS", "XPOS", "FEATS", "HEAD", "DEPREL", "DEPS", "MISC")
_FORM, _UPOS, _XPOS = 2, 4, 5
_NOTHING = "_"
_NO_WORD = re.compile(r"\d+-\d+|\d+\.\d+")


def write(sentences: Iterable[Sentence], file: TextIO, columns: Columns | None = None) -> int:
    """Write tokens under FORM and their tags under UPOS, or where ``columns`` says; gives the number of sentences.

    Raises:
        DataError: a token or tag that would not be read back as it is.
        ConfigError: a tag column that can't be.
    """
    tag_column = LAYOUT.column((columns or Columns()).tag, _UPOS)
    if tag_column == _FORM:
        raise ConfigError("found the tag in column FORM; expected another: that one holds the word")
    count = 0
    for sentence in sentences:
        count += 1
        if not sentence.tokens:
            expected = "a token to start with; CoNLL-U holds no empty sentence"
            raise DataError("a sentence without tokens", expected, source=sentence.source, line=sentence.line_of())
        for number, token in enumerate(sentence.tokens, 1):
            check_fits(token, spaces=True, source=sentence.source, line=sentence.line_of())
            row = [str(number), token, *[_NOTHING] * (len(NAMES) - _FORM)]
            if sentence.tags is not None:
                tag = row[tag_column - 1] = sentence.tags[number - 1]
                LAYOUT.check_tag(tag, tag_column, spaces=True, source=sentence.source, line=sentence.line_of())
            file.write("\t".join(row) + "\n")
        file.write("\n")
    return count


def _split(body: str) -> list[str] | None:
    """The fields of a word's line; none for a blank line, and None for a comment, a range or an empty node."""
    if not body.strip(" \t"):
        return []
    fields = body.split("\t")
    if body.startswith("#") or (len(fields) == len(NAMES) and _NO_WORD.fullmatch(fields[0])):
        return None
    return fields


LAYOUT = Layout("CoNLL-U", _split, _FORM, _UPOS, NAMES, no_tag={_UPOS: _NOTHING, _XPOS: _NOTHING})
read, read_blocks = LAYOUT.read, LAYOUT.read_blocks
