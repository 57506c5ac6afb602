"""CoNLL-U, read: ten columns between TABs, comments, and a tag in the UPOS or XPOS column.

Multiword ranges (``1-2``) and empty nodes (``8.1``) are no words of their own and are passed over.
Source: https://universaldependencies.org/format.html
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from tagsmith.errors import DataError
from tagsmith.files import read_lines, source_name
from tagsmith.formats.conll import Columns, OnBad, count_columns
from tagsmith.text import Sentence

_COLUMNS = 10
_NO_WORD = re.compile(r"\d+-\d+|\d+\.\d+")
FORM, UPOS = 2, 4  # columns, counted from 1


def read(
    path: str | os.PathLike[str],
    columns: Columns | None = None,
    *,
    tagged: bool = True,
    on_bad: OnBad | None = None,
) -> Iterator[Sentence]:
    """The sentences of a file, one at a time, with the form as token and UPOS as tag unless ``columns`` says otherwise.

    Raises:
        DataError: a line that has not ten columns, or an empty form or tag.
    """
    columns = (columns or Columns()).or_else(FORM, UPOS)
    source = source_name(path)
    tokens: list[str] = []
    tags: list[str] = []
    lines: list[int] = []
    for number, line in read_lines(path):
        body = line.removesuffix("\n").removesuffix("\r")
        if not body.strip(" \t"):
            if tokens:
                yield Sentence(tokens, tags if tagged else None, source, lines)
            tokens, tags, lines = [], [], []
            continue
        if body.startswith("#"):
            continue
        try:
            fields = body.split("\t")
            if len(fields) != _COLUMNS:
                found = f"{count_columns(len(fields))} ({body[:60]!r})"
                raise DataError(found, f"the {_COLUMNS} columns of CoNLL-U", source=source, line=number)
            if _NO_WORD.fullmatch(fields[0]):
                continue
            token, tag = columns.pick(fields, tagged, source, number)
        except DataError as error:
            if on_bad is None:
                raise
            on_bad(error)
            continue
        lines.append(number)
        tokens.append(token)
        tags.append(tag)
    if tokens:
        yield Sentence(tokens, tags if tagged else None, source, lines)
