"""Running text: each line of a file is one text to tag."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from tagsmith.errors import DataError
from tagsmith.files import read_lines, source_name
from tagsmith.formats.columns import split_ending
from tagsmith.formats.format import InputRecord, ReadOptions
from tagsmith.schemes import is_span_tag

_SAMPLE = 50  # lines looked at to tell columns from text


def read_inputs(path: str | os.PathLike[str], options: ReadOptions) -> Iterator[InputRecord]:
    """Yield each line of a file as a text, without its line end."""
    source = source_name(path)
    for number, line in read_lines(path):
        yield InputRecord(split_ending(line)[0], source=source, line=number, starts_file=number == 1)


def check_is_text(path: str | os.PathLike[str]) -> None:
    """Check that a file whose name does not tell its format does not hold columns.

    Raises:
        DataError: the first lines that are not blank all have several fields and end in a span tag.
    """
    if not Path(path).is_file():
        return
    fields = [line.split() for _, line in islice(read_lines(path), _SAMPLE) if line.strip()]
    if fields and all(len(row) > 1 and is_span_tag(row[-1]) for row in fields):
        expected = "text; say --from conll (or --from text if it is text after all)"
        raise DataError("columns of tokens and tags", expected, source=str(path))
