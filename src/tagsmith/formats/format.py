"""The description of a file format: how it is named, read and written."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TextIO

from tagsmith.formats.columns import Block, Columns, Layout, OnBad
from tagsmith.text import Sentence, Tagged, TokenizerName


@dataclass(frozen=True)
class ReadOptions:
    """Options for reading a file. A format ignores the options that do not concern it."""

    columns: Columns | None = None
    """The columns of the word and the tag, in CoNLL columns and CoNLL-U."""
    tagged: bool = True
    """Whether every token must have a tag."""
    on_bad: OnBad | None = None
    """Called with the error of each malformed line, which is then skipped. If None, the error is raised."""
    tokenizer: TokenizerName = "words"
    """How to split the texts of JSON lines."""


@dataclass(frozen=True)
class InputRecord:
    """One input to tag, and the piece of the file that it was read from."""

    given: str | Sentence
    """A text, or a sentence without tags."""
    origin: Block | Mapping[str, Any] | None = None
    """The lines of a sentence in columns, or a JSON object, so that a prediction can be written back into it."""
    source: str = ""
    line: int | None = None
    """The line of the file on which the record starts."""
    starts_file: bool = False
    """Whether this is the first record of its file."""


Prediction = tuple[InputRecord, Tagged]
"""An input and the prediction for it."""
SentenceReader = Callable[[str | os.PathLike[str], ReadOptions], Iterator[Sentence]]
InputReader = Callable[[str | os.PathLike[str], ReadOptions], Iterator[InputRecord]]
SentenceWriter = Callable[[Iterable[Sentence], TextIO, Columns | None], int]
"""Write sentences, and return their number. ``Columns.tag`` says where the tag goes."""
PredictionWriter = Callable[[Iterable[Prediction], TextIO, Columns | None], None]


@dataclass(frozen=True)
class Format:
    """A row of the table of formats. A reader or writer that is None is not available."""

    description: str
    """A few words for the help texts."""
    endings: tuple[str, ...] = ()
    """The endings of file names, before any .gz, that mean this format."""
    read: SentenceReader | None = None
    """Reads tagged sentences."""
    read_inputs: InputReader | None = None
    """Reads what is to be tagged. If None, the sentences that ``read`` gives are tagged."""
    write: SentenceWriter | None = None
    """Writes tagged sentences."""
    write_predictions: PredictionWriter | None = None
    """Writes predictions. If None, ``write`` writes their sentences."""
    layout: Layout | None = None
    """The layout of columns. A file of the same layout is written back line by line."""
    needs_spans: bool = False
    """Whether the format holds spans only, so that it has no place for plain tags."""
    probabilities: Literal["never", "optional", "always"] = "never"
    """Whether predictions are written with their probabilities."""
    alternatives: bool = False
    """Whether predictions can be written with the next best tag sequences."""

    @property
    def summary(self) -> str:
        """The description and the endings, for help texts."""
        return "; ".join(filter(None, (self.description, " ".join(self.endings))))
