"""Files of columns as a format: read what is to be tagged, and write the tags back, keeping every other byte."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import TextIO

from tagsmith.files import source_name
from tagsmith.formats.columns import Block, Columns, Layout
from tagsmith.formats.format import Format, InputRecord, Prediction, ReadOptions, SentenceWriter
from tagsmith.text import Sentence


def column_format(description: str, endings: tuple[str, ...], layout: Layout, write: SentenceWriter) -> Format:
    """Return the format of a layout, whose sentences ``write`` writes where no lines can be kept."""

    def read(path: str | os.PathLike[str], options: ReadOptions) -> Iterator[Sentence]:
        return layout.read(path, options.columns, tagged=options.tagged, on_bad=options.on_bad)

    def read_inputs(path: str | os.PathLike[str], options: ReadOptions) -> Iterator[InputRecord]:
        return read_blocks_to_tag(layout, path, options)

    def write_predictions(predictions: Iterable[Prediction], file: TextIO, columns: Columns | None) -> None:
        write_into_blocks(layout, write, predictions, file, columns)

    return Format(description, endings, read, read_inputs, write, write_predictions, layout)


def read_blocks_to_tag(layout: Layout, path: str | os.PathLike[str], options: ReadOptions) -> Iterator[InputRecord]:
    """Yield the sentences of a file without their tags, each with its lines.

    Raises:
        DataError: a malformed line, as for ``Layout.read_blocks``.
    """
    source = source_name(path)
    blocks = layout.read_blocks(path, options.columns, tagged=False, on_bad=options.on_bad)
    for number, block in enumerate(blocks):
        line = block.line_numbers[0] if block.line_numbers else None
        yield InputRecord(Sentence(block.tokens), block, source, line, starts_file=number == 0)


def write_into_blocks(
    layout: Layout,
    write: SentenceWriter,
    predictions: Iterable[Prediction],
    file: TextIO,
    columns: Columns | None,
) -> None:
    """Write predictions into the lines they were read from, where those have this layout; else write sentences.

    Raises:
        DataError: a token or tag that the format can't hold.
        ConfigError: a tag column that the format does not have.
    """
    last = ""  # the lines written last, if they were kept
    for record, tagged in predictions:
        block = record.origin
        if isinstance(block, Block) and block.layout is layout:
            file.write(_separator(last) if record.starts_file else "")
            last = block.with_predictions(tagged.tags)
            file.write(last)
        else:
            file.write(_separator(last))
            last = ""
            write(sentences_of_prediction((record, tagged)), file, columns)


def sentences_of_prediction(prediction: Prediction) -> Iterator[Sentence]:
    """Yield the sentences of a prediction, with the predicted tags."""
    _, tagged = prediction
    for start, end in tagged.sentences:
        yield Sentence(tagged.tokens[start:end], tagged.tags[start:end])


def _separator(lines: str) -> str:
    """Return what must follow these lines before another file: they need not end with a blank line or a line end."""
    if not lines or lines.endswith(("\n\n", "\n\r\n")):
        return ""
    return "\n" if lines.endswith("\n") else "\n\n"
