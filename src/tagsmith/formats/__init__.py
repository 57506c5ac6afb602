"""The table of file formats, and reading and writing by a format's name or a file's ending."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import TextIO, TypeVar

from tagsmith.errors import ConfigError, DataError
from tagsmith.files import source_name
from tagsmith.formats import conll, conllu, html_text, jsonl, plain_text, table
from tagsmith.formats.column_files import column_format, sentences_of_prediction
from tagsmith.formats.columns import Columns, OnBad
from tagsmith.formats.format import Format, InputRecord, Prediction, ReadOptions
from tagsmith.text import Sentence, TokenizerName

FORMATS: dict[str, Format] = {
    "text": Format("one text a line", read_inputs=plain_text.read_inputs),
    "table": Format(
        "a token and its label a line",
        write_predictions=table.write_predictions,
        probabilities="optional",
        alternatives=True,
    ),
    "conll": column_format(
        "CoNLL columns",
        (".conll", ".iob", ".bio"),
        conll.LAYOUT,
        lambda sentences, file, _: conll.write(sentences, file),
    ),
    "conllu": column_format("CoNLL-U", (".conllu",), conllu.LAYOUT, conllu.write),
    "jsonl": Format(
        "JSON lines",
        endings=(".jsonl", ".ndjson"),
        read=lambda path, how: jsonl.read(path, tagged=how.tagged, on_bad=how.on_bad, tokenizer=how.tokenizer),
        read_inputs=jsonl.read_inputs,
        write=lambda sentences, file, _: jsonl.write(sentences, file),
        write_predictions=jsonl.write_predictions,
        probabilities="optional",
        alternatives=True,
    ),
    "spans": Format(
        "JSON lines of a text and its character spans",
        write=lambda sentences, file, _: jsonl.write_spans(sentences, file),
        write_predictions=jsonl.write_span_predictions,
        needs_spans=True,
        probabilities="optional",
    ),
    "html": Format(
        "a page with the spans marked",
        write_predictions=html_text.write_predictions,
        probabilities="always",
    ),
}
"""All formats by name. To add one, write its module and add its row: the shell's options and help texts follow."""

Data = str | os.PathLike[str] | Iterable[Sentence]
"""A file of tagged sentences, or the sentences themselves."""
_UNKNOWN = Format("")
_T = TypeVar("_T")


def readable() -> list[str]:
    """Return the names of the formats that tagged sentences can be read from."""
    return [name for name, format in FORMATS.items() if format.read]


def writable() -> list[str]:
    """Return the names of the formats that tagged sentences can be written in."""
    return [name for name, format in FORMATS.items() if format.write]


def taggable() -> list[str]:
    """Return the names of the formats that can hold what is to be tagged."""
    return [name for name, format in FORMATS.items() if format.read_inputs or format.read]


def for_predictions() -> list[str]:
    """Return the names of the formats that predictions can be written in."""
    return [name for name, format in FORMATS.items() if format.write_predictions or format.write]


def format_of(path: str | os.PathLike[str], default: str = "conll") -> str:
    """Return the name of the format that a file's ending means, before any .gz."""
    ending = Path(str(path).removesuffix(".gz")).suffix
    return next((name for name, format in FORMATS.items() if ending in format.endings), default)


def input_format_of(path: str | os.PathLike[str]) -> str:
    """Return the name of the format of a file to tag: by its ending, and text for all other files.

    Raises:
        DataError: a file that would be text, but holds columns.
    """
    name = format_of(path, "text")
    if name == "text":
        plain_text.check_is_text(path)
    return name


def read(
    path: str | os.PathLike[str],
    format: str | None = None,
    columns: Columns | None = None,
    *,
    tagged: bool = True,
    on_bad: OnBad | None = None,
    tokenizer: TokenizerName = "words",
) -> Iterator[Sentence]:
    """Yield the sentences of a file, one at a time.

    Args:
        format: one of ``readable()``. If None, the file's ending decides.
        columns: the columns of word and tag, in CoNLL columns and CoNLL-U.
        tagged: whether every token must have a tag.
        on_bad: called with the error of each malformed line, which is then skipped. If None, the error is raised.
        tokenizer: how to split the texts of JSON lines.

    Raises:
        DataError: a file that can't be read, or a malformed line.
        ConfigError: an unknown format, or a column that the format does not have.
    """
    name = format or format_of(path)
    reader = _available(name, readable(), FORMATS.get(name, _UNKNOWN).read)
    yield from reader(path, ReadOptions(columns, tagged, on_bad, tokenizer))


def read_inputs(
    path: str | os.PathLike[str], format: str | None = None, options: ReadOptions | None = None
) -> Iterator[InputRecord]:
    """Yield what a file holds to be tagged, one input at a time.

    Args:
        format: one of ``taggable()``. If None, the file's ending decides, and all other files are text.
        options: of which ``tagged`` has no effect: tags are not read.

    Raises:
        DataError: a file that can't be read, or a malformed line.
        ConfigError: an unknown format, or a column that the format does not have.
    """
    name, options = format or input_format_of(path), options or ReadOptions()
    row = FORMATS.get(name, _UNKNOWN)
    if row.read_inputs:
        yield from row.read_inputs(path, options)
        return
    reader = _available(name, taggable(), row.read)
    sentences = reader(path, ReadOptions(options.columns, False, options.on_bad, options.tokenizer))
    for number, sentence in enumerate(sentences):
        yield InputRecord(sentence, None, sentence.source, sentence.line_of(), starts_file=number == 0)


def sentences_of(data: Data, columns: Columns | None, on_bad: OnBad | None, tokenizer: TokenizerName) -> list[Sentence]:
    """Return all sentences of a file, as ``read`` gives them, or those of an iterable.

    Raises:
        DataError: as for ``read``.
        TypeError: something else than a sentence in the iterable.
    """
    if isinstance(data, str | os.PathLike):
        return list(read(data, columns=columns, on_bad=on_bad, tokenizer=tokenizer))
    sentences = list(data)
    for sentence in sentences:
        if not isinstance(sentence, Sentence):
            raise TypeError(f"expected one file or an iterable of Sentence, found {type(sentence).__name__} in it")
    return sentences


def not_empty(data: Data, sentences: list[Sentence]) -> list[Sentence]:
    """Return the sentences that were read from some data, if there are any.

    Raises:
        DataError: no sentence has a token.
    """
    if not any(map(len, sentences)):
        source = source_name(data) if isinstance(data, str | os.PathLike) else ""
        raise DataError("no sentences", "at least one tagged sentence", source=source)
    return sentences


def write(sentences: Iterable[Sentence], format: str, file: TextIO, columns: Columns | None = None) -> int:
    """Write sentences in one of the formats ``writable()``, and return their number.

    Args:
        columns: the column of the tag in CoNLL-U.

    Raises:
        DataError: a token or tag that the format can't hold.
        ConfigError: an unknown format, or a column that the format does not have.
    """
    writer = _available(format, writable(), FORMATS.get(format, _UNKNOWN).write)
    return writer(sentences, file, columns)


def write_predictions(
    predictions: Iterable[Prediction], format: str, file: TextIO, columns: Columns | None = None
) -> None:
    """Write the predictions for some inputs in one of the formats ``for_predictions()``.

    What was read from the same format is kept: the other columns and lines, or the other keys of a JSON object.

    Args:
        columns: the column of the tag in CoNLL-U.

    Raises:
        DataError: a token or tag that the format can't hold.
        ConfigError: an unknown format, or a column that the format does not have.
    """
    row = FORMATS.get(format, _UNKNOWN)
    if row.write_predictions:
        row.write_predictions(predictions, file, columns)
        return
    writer = _available(format, for_predictions(), row.write)
    writer(chain.from_iterable(map(sentences_of_prediction, predictions)), file, columns)


def _available(name: str, names: list[str], function: Callable[..., _T] | None) -> Callable[..., _T]:
    """Return the reader or writer of a format.

    Raises:
        ConfigError: it has none; the error lists the formats that have one.
    """
    if function is None:
        raise ConfigError(f"format {name!r}; expected one of: {', '.join(names)}")
    return function
