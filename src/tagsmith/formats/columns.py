"""The parts that CoNLL columns and CoNLL-U share: one token a line, and every line kept to be written back."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tagsmith.errors import ConfigError, DataError
from tagsmith.files import read_lines, source_name
from tagsmith.text import Sentence

OnBad = Callable[[DataError], None]
Column = int | str
"""The number of a column, from 1, or from the end with -1; or its name, in a format whose columns have names."""


@dataclass(frozen=True)
class Columns:
    """The columns that hold the word and the tag."""

    word: Column | None = None
    """If None, the first, or FORM in CoNLL-U."""
    tag: Column | None = None
    """If None, the last, or UPOS in CoNLL-U."""

    def __post_init__(self) -> None:
        if self.word == 0 or self.tag == 0:
            raise ConfigError("found column 0; expected columns counted from 1, or from the end with -1")


@dataclass
class Block:
    """One sentence of a file: its lines as they are, line ends included, and its tokens.

    A line without a token (blank, a comment, -DOCSTART-, skipped) belongs to the block before or around it.
    """

    source: str
    layout: Layout
    word_column: int
    tag_column: int
    lines: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    """The position of each token's line in ``lines``."""
    line_numbers: list[int] = field(default_factory=list)
    """The number of each token's line in the file."""
    malformed: list[int] = field(default_factory=list)
    """The positions of the skipped lines in ``lines``."""

    @property
    def documents(self) -> int:
        """The number of lines that start a document."""
        return sum(line.startswith(self.layout.document) for line in self.lines) if self.layout.document else 0

    def sentence(self, *, tagged: bool = True) -> Sentence:
        """Return the tokens and, with ``tagged``, their tags."""
        return Sentence(self.tokens, self.tags if tagged else None, self.source, self.line_numbers)

    def with_predictions(self, tags: Sequence[str]) -> str:
        """Return the lines with predicted tags: in the tag column where columns have names, else in a new last one.

        Raises:
            DataError: a tag that would not be read back from its column.
            ConfigError: the tag column is also the word column.
        """
        return self.with_tags(tags) if self.layout.names else self.with_column(tags)

    def with_tags(self, values: Sequence[str]) -> str:
        """Return the lines with these values in the tag column, and without the malformed lines.

        Raises:
            DataError: a value that would not be read back from its column.
            ConfigError: the tag column is also the word column.
        """
        if self.tag_column == self.word_column:
            raise ConfigError(f"found the tag in column {self.tag_column}, as the word; expected another")
        lines = list(self.lines)
        for position, number, value in zip(self.positions, self.line_numbers, values, strict=True):
            body, ending = split_ending(lines[position])
            self.layout.check_tag(value, self.tag_column, spaces="\t" in body, source=self.source, line=number)
            # Keep the separators between the fields: TABs, or runs of spaces.
            pieces = re.split("(\t)" if "\t" in body else "( +)", body)
            fields = [i for i, piece in enumerate(pieces) if i % 2 == 0 and (piece or "\t" in body)]
            pieces[fields[self.tag_column - (self.tag_column > 0)]] = value
            lines[position] = "".join(pieces) + ending
        return "".join(line for position, line in enumerate(lines) if position not in self.malformed)

    def with_column(self, values: Sequence[str]) -> str:
        """Return the lines with one more column that holds these values, one for each token.

        Raises:
            DataError: a value that would not be read back from its column.
        """
        lines = list(self.lines)
        for position, number, value in zip(self.positions, self.line_numbers, values, strict=True):
            body, ending = split_ending(lines[position])
            self.layout.check_tag(value, self.tag_column, spaces="\t" in body, source=self.source, line=number)
            # A space next to a TAB belongs to its column; on a line without TABs it would be a second separator.
            kept, separator = (body, "\t") if "\t" in body else (body.rstrip(" "), " ")
            lines[position] = f"{kept}{separator}{value}{ending}"
        return "".join(lines)


class Numbering(Protocol):
    """A check of the token numbers in the first column, for a format that has them."""

    def check_line(self, body: str, line: int, position: int) -> DataError | None:
        """Return the error in a line's number, or None; either way, continue to count from that number.

        Args:
            line: the number of the line in the file.
            position: its position in the block.
        """
        ...

    def end_sentence(self) -> tuple[DataError, int] | None:
        """Return the error in the sentence as a whole and the position of the line at fault, or None; start over."""
        ...


@dataclass(frozen=True)
class Layout:
    """A format of columns, and the one way to read them all."""

    name: str
    split: Callable[[str], list[str] | None]
    """The fields of a token's line; [] for a line between sentences; None for any other line without a token."""
    word: int
    tag: int
    names: tuple[str, ...] = ()
    """The names of the columns, if their number is fixed. The first counts the tokens and can't be chosen."""
    no_tag: Mapping[int, str] = field(default_factory=dict)
    """By column number, the value that means that there is no tag."""
    numbering: Callable[[str], Numbering] | None = None
    """If the first column counts the words: given the name of the file, the check of its numbers."""
    document: str = ""
    """The start of a line that marks the start of a document."""

    def column(self, chosen: Column | None, default: int) -> int:
        """Return the number of the chosen column, or the default for None.

        Raises:
            ConfigError: the format has no column of this name or number.
        """
        if chosen is None:
            return default
        if not self.names:
            if isinstance(chosen, int):
                return chosen
            raise ConfigError(f"found column {chosen!r}; expected its number: these columns have no names")
        if isinstance(chosen, str) and chosen.upper() in self.names[1:]:
            return self.names.index(chosen.upper()) + 1
        if isinstance(chosen, int):
            number = chosen if chosen > 0 else len(self.names) + 1 + chosen
            if 1 < number <= len(self.names):
                return number
        expected = f"{', '.join(self.names[1:])}, or one's number, 2 to {len(self.names)}"
        raise ConfigError(f"found column {chosen!r}; expected {expected}")

    def read_blocks(
        self,
        path: str | os.PathLike[str],
        columns: Columns | None = None,
        *,
        tagged: bool = True,
        on_bad: OnBad | None = None,
    ) -> Iterator[Block]:
        """Yield the sentences of a file, one at a time. Every line of the file is in one of the blocks.

        Args:
            tagged: read the tag column as well.
            on_bad: called with the error of each malformed line, which is then skipped. If None, the error is raised.

        Raises:
            DataError: a malformed line: an empty or unspecified token or tag, too few columns, another number of
                columns than the format or the lines before have, or a token number out of order.
            ConfigError: the format does not have a chosen column.
        """
        return _BlockReader(self, source_name(path), columns or Columns(), tagged, on_bad).read(path)

    def read(
        self,
        path: str | os.PathLike[str],
        columns: Columns | None = None,
        *,
        tagged: bool = True,
        on_bad: OnBad | None = None,
    ) -> Iterator[Sentence]:
        """Yield the sentences of a file, one at a time; arguments and errors as for ``read_blocks``."""
        for block in self.read_blocks(path, columns, tagged=tagged, on_bad=on_bad):
            if block.tokens:
                yield block.sentence(tagged=tagged)

    def check_tag(self, value: str, column: int, *, spaces: bool, source: str, line: int | None) -> None:
        """Check that a tag can be read back from a column; arguments as for ``check_fits``.

        Raises:
            DataError: it can't, or it is the value that means that there is no tag.
        """
        check_fits(value, spaces=spaces, source=source, line=line)
        if value == self.no_tag.get(column):
            raise DataError(f"the tag {value!r}", f"another; in {self.name} it means none", source=source, line=line)

    def pick(self, fields: list[str], word: int, tag: int | None, source: str, line: int) -> tuple[str, str]:
        """Return the token and the tag in the fields of a line; the tag is '' if no tag is read.

        Raises:
            DataError: too few columns, or an empty or unspecified token or tag.
        """
        wanted = {"token": word} if tag is None else {"token": word, "tag": tag}
        indices = {name: column - 1 if column > 0 else len(fields) + column for name, column in wanted.items()}
        shown = _shorten("\t".join(fields))
        if not all(0 <= index < len(fields) for index in indices.values()) or len({*indices.values()}) < len(indices):
            expected = f"the word in column {word}" + (f" and the tag in column {tag}, another" if tag else "")
            raise DataError(f"{count_columns(len(fields))} ({shown})", expected, source=source, line=line)
        for name, index in indices.items():
            if not fields[index].strip(" "):
                expected = f"a {name}; --skip-bad skips such lines"
                raise DataError(f"an empty {name} ({shown})", expected, source=source, line=line)
        value = "" if tag is None else fields[indices["tag"]]
        if tag is not None and value == self.no_tag.get(tag):
            expected = f"a tag in column {tag} ({self.names[tag - 1]}); --skip-bad skips such lines"
            raise DataError(f"an unspecified tag ({shown})", expected, source=source, line=line)
        return fields[indices["token"]], value


class _BlockReader:
    """Reads one file of columns, block by block."""

    def __init__(self, layout: Layout, source: str, columns: Columns, tagged: bool, on_bad: OnBad | None) -> None:
        self.layout, self.source, self.tagged, self.on_bad = layout, source, tagged, on_bad
        self.word = layout.column(columns.word, layout.word)
        self.tag = layout.column(columns.tag, layout.tag)
        self.width, self.expected = len(layout.names), f"the {len(layout.names)} columns of {layout.name}"
        self.numbering = layout.numbering(source) if layout.numbering else None
        self.block = self._empty_block()

    def read(self, path: str | os.PathLike[str]) -> Iterator[Block]:
        """Yield the blocks of the file."""
        ended = False  # whether the last line was one between sentences
        for number, line in read_lines(path):
            body, _ = split_ending(line)
            fields = self.layout.split(body)
            boundary = fields == []
            if self.block.tokens and ended and not boundary:
                yield self.block
                self.block = self._empty_block()
            self.block.lines.append(line)
            ended = boundary
            if boundary:
                self._end_sentence()
            else:
                self._add_line(body, fields, number)
        self._end_sentence()
        if self.block.lines:
            yield self.block

    def _empty_block(self) -> Block:
        return Block(self.source, self.layout, self.word, self.tag)

    def _add_line(self, body: str, fields: list[str] | None, number: int) -> None:
        """Add the token of a line, if it has one, to the block."""
        block = self.block
        position = len(block.lines) - 1
        misnumbered = self.numbering.check_line(body, number, position) if self.numbering else None
        try:
            if self.width and fields and len(fields) != self.width:
                found = f"{count_columns(len(fields))} ({_shorten(body)})"
                raise DataError(found, self.expected, source=self.source, line=number)
            if misnumbered:
                raise misnumbered
            if not fields:
                return
            token, tag = self.layout.pick(fields, self.word, self.tag if self.tagged else None, self.source, number)
        except DataError as error:
            self._skip(error, position)
            return
        if not self.width:
            self.width, self.expected = len(fields), f"{count_columns(len(fields))}, as on line {number}"
        block.line_numbers.append(number)
        block.positions.append(position)
        block.tokens.append(token)
        if self.tagged:
            block.tags.append(tag)

    def _end_sentence(self) -> None:
        if self.numbering and (fault := self.numbering.end_sentence()):
            self._skip(*fault)

    def _skip(self, error: DataError, position: int) -> None:
        if self.on_bad is None:
            raise error
        self.on_bad(error)
        self.block.malformed.append(position)


def check_fits(value: str, *, spaces: bool, source: str = "", line: int | None = None) -> None:
    """Check that a token or tag can be read back from a column.

    Args:
        spaces: whether it may contain spaces, as it may where TABs separate the columns.

    Raises:
        DataError: it can't.
    """
    barred = "\t\n\0" if spaces else "\t\n\0 "
    if not value.strip(" ") or any(c in value for c in barred) or value.endswith("\r"):
        expected = "a token or tag fit for a column: not empty, no TAB, line end or NUL"
        raise DataError(repr(value), expected + ("" if spaces else ", no space"), source=source, line=line)


def split_ending(line: str) -> tuple[str, str]:
    """Return a line without its line end, and the line end."""
    body = line.removesuffix("\n").removesuffix("\r")
    return body, line[len(body) :]


def count_columns(columns: int) -> str:
    """Return a number of columns in words."""
    return "1 column" if columns == 1 else f"{columns} columns"


def _shorten(body: str) -> str:
    return repr(body if len(body) <= 60 else body[:57] + "...")
