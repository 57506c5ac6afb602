"""Files of sentences, one module for each format; the reader is chosen by name or by the file's ending."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TextIO

from tagsmith.errors import DataError
from tagsmith.files import source_name
from tagsmith.formats import conll, conllu, jsonl
from tagsmith.formats.columns import Columns, OnBad
from tagsmith.text import Sentence, TokenizerName

LAYOUTS = {"conll": conll.LAYOUT, "conllu": conllu.LAYOUT}
FORMATS = (*LAYOUTS, "jsonl")
TARGETS = (*FORMATS, "spans")
Data = str | os.PathLike[str] | Iterable[Sentence]
"""A file of tagged sentences, or the sentences themselves."""
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
    on_bad: OnBad | None = None,
    tokenizer: TokenizerName = "words",
) -> Iterator[Sentence]:
    """The sentences of a file, one at a time.

    Args:
        kind: one of ``FORMATS``; unset, the file's ending decides.
        columns: where word and tag stand in CoNLL columns and CoNLL-U.
        tagged: whether every token must have a tag.
        on_bad: called with the error of each malformed line, which is then left out; unset, the error is raised.
        tokenizer: how the texts of JSON lines are split.

    Raises:
        DataError: a file that can't be read, or a malformed line.
        ConfigError: a column that the format can't have.
    """
    kind = kind or format_of(path)
    if kind in LAYOUTS:
        yield from LAYOUTS[kind].read(path, columns, tagged=tagged, on_bad=on_bad)
    elif kind == "jsonl":
        yield from jsonl.read(path, tagged=tagged, on_bad=on_bad, tokenizer=tokenizer)
    else:
        raise ValueError(f"format {kind!r}; expected one of: {', '.join(FORMATS)}")


def sentences_of(data: Data, columns: Columns | None, on_bad: OnBad | None, tokenizer: TokenizerName) -> list[Sentence]:
    """All sentences of a file, as ``read`` gives them, or those of an iterable.

    Raises:
        DataError: as for ``read``.
        TypeError: something else in the iterable.
    """
    if isinstance(data, str | os.PathLike):
        return list(read(data, columns=columns, on_bad=on_bad, tokenizer=tokenizer))
    sentences = list(data)
    for sentence in sentences:
        if not isinstance(sentence, Sentence):
            raise TypeError(f"expected one file or an iterable of Sentence, found {type(sentence).__name__} in it")
    return sentences


def not_empty(data: Data, sentences: list[Sentence]) -> list[Sentence]:
    """The sentences of some data.

    Raises:
        DataError: there are none with tokens.
    """
    if not any(map(len, sentences)):
        source = source_name(data) if isinstance(data, str | os.PathLike) else ""
        raise DataError("no sentences", "at least one tagged sentence", source=source)
    return sentences


def write(sentences: Iterable[Sentence], kind: str, file: TextIO, columns: Columns | None = None) -> int:
    """Write sentences in one of ``TARGETS`` (``spans``: JSON lines of text and spans); gives their number.

    Args:
        columns: where the tag is to stand in CoNLL-U.

    Raises:
        DataError: a token or tag that the format can't hold.
        ConfigError: a column that the format can't have.
    """
    match kind:
        case "conll":
            return conll.write(sentences, file)
        case "conllu":
            return conllu.write(sentences, file, columns)
        case "jsonl":
            return jsonl.write(sentences, file)
        case "spans":
            return jsonl.write_spans(sentences, file)
        case _:
            raise ValueError(f"format {kind!r}; expected one of: {', '.join(TARGETS)}")
