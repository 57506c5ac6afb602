"""Files of sentences, one module for each format; the reader is chosen by name or by the file's ending."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from tagsmith.errors import DataError
from tagsmith.formats import conll, conllu, jsonl
from tagsmith.formats.conll import Columns
from tagsmith.text import Sentence

FORMATS = ("conll", "conllu", "jsonl")
_SUFFIXES = {".jsonl": "jsonl", ".ndjson": "jsonl", ".conllu": "conllu"}


def format_of(path: str | os.PathLike[str]) -> str:
    """The format of a tagged file by its ending, before any .gz: .jsonl, .conllu, and CoNLL columns for all else."""
    return _SUFFIXES.get(Path(str(path).removesuffix(".gz")).suffix, "conll")


def read(
    path: str | os.PathLike[str],
    kind: str | None = None,
    columns: Columns | None = None,
    *,
    tagged: bool = True,
    on_bad: Callable[[DataError], None] | None = None,
) -> Iterator[Sentence]:
    """The sentences of a file, one at a time.

    Args:
        kind: one of ``FORMATS``; unset, the file's ending decides.
        columns: where word and tag stand in CoNLL columns.
        tagged: whether every token must have a tag.
        on_bad: called with the error of each malformed line, which is then left out; unset, the error is raised.

    Raises:
        DataError: a file that can't be read, or a malformed line.
    """
    match kind or format_of(path):
        case "jsonl":
            yield from jsonl.read(path, tagged=tagged, on_bad=on_bad)
        case "conllu":
            yield from conllu.read(path, columns, tagged=tagged, on_bad=on_bad)
        case "conll":
            yield from conll.read(path, columns, tagged=tagged, on_bad=on_bad)
        case unknown:
            raise ValueError(f"format {unknown!r}; expected one of: {', '.join(FORMATS)}")
