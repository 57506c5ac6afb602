"""What CoNLL columns and CoNLL-U share: one token a line, and every line kept, so that it can be written back."""

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
"""The number of a column, from 1, or from the end with -1; or its name, where the format gives its columns names."""


@dataclass(frozen=True)
class Columns:
    """Which columns hold the word and the tag."""

    word: Column | None = None
    """Unset: the first, or FORM in CoNLL-U."""
    tag: Column | None = None
    """Unset: the last, or UPOS in CoNLL-U."""

    def __post_init__(self) -> None:
        if self.word == 0 or self.tag == 0:
            raise ConfigError("found column 0; expected columns counted from 1, or from the end with -1")


@dataclass
class Block:
    """One sentence as it stands in the file: its lines with their endings, whatever they hold, and its tokens.

    Lines that are no tokens (blank ones, comments, -DOCSTART-, skipped ones) belong to the block before or around them.
    """

    source: str
    layout: Layout
    word_column: int
    tag_column: int
    lines: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    """Where in ``lines`` each token stands."""
    numbers: list[int] = field(default_factory=list)
    """The line of the file each token stands on."""
    malformed: list[int] = field(default_factory=list)
    """Where in ``lines`` what was skipped stands."""

    def sentence(self, *, tagged: bool = True) -> Sentence:
        """The tokens and, with ``tagged``, their tags."""
        return Sentence(self.tokens, self.tags if tagged else None, self.source, self.numbers)

    def with_tags(self, values: Sequence[str]) -> str:
        """The lines without the malformed ones, and with the values in the tag column; all else as it was.

        Raises:
            DataError: a value that would not be read back from its column.
            ConfigError: the tag column is that of the word.
        """
        if self.tag_column == self.word_column:
            raise ConfigError(f"found the tag in column {self.tag_column}, as the word; expected another")
        lines = list(self.lines)
        for place, number, value in zip(self.places, self.numbers, values, strict=True):
            body, ending = split_ending(lines[place])
            self.layout.check_tag(value, self.tag_column, spaces="\t" in body, source=self.source, line=number)
            # Keep what stands between the fields: TABs, or runs of spaces.
            pieces = re.split("(\t)" if "\t" in body else "( +)", body)
            fields = [i for i, piece in enumerate(pieces) if i % 2 == 0 and (piece or "\t" in body)]
            pieces[fields[self.tag_column - (self.tag_column > 0)]] = value
            lines[place] = "".join(pieces) + ending
        return "".join(line for place, line in enumerate(lines) if place not in self.malformed)

    def with_column(self, values: Sequence[str]) -> str:
        """The lines with one more column: the values, one for each token; all other lines as they were.

        Raises:
            DataError: a value that would not be read back from its column.
        """
        lines = list(self.lines)
        for place, number, value in zip(self.places, self.numbers, values, strict=True):
            body, ending = split_ending(lines[place])
            self.layout.check_tag(value, self.tag_column, spaces="\t" in body, source=self.source, line=number)
            # At a TAB a space belongs to its column; without TABs it would be one space too many.
            kept, separator = (body, "\t") if "\t" in body else (body.rstrip(" "), " ")
            lines[place] = f"{kept}{separator}{value}{ending}"
        return "".join(lines)


class Numbering(Protocol):
    """Looks after the numbers in the first column, where a format has them."""

    def see(self, body: str, line: int, place: int) -> DataError | None:
        """Take in a line of a sentence; gives what is wrong with its number, and counts on from it all the same.

        Args:
            line: its number in the file.
            place: its place in the block.
        """
        ...

    def finish(self) -> tuple[DataError, int] | None:
        """End the sentence; gives what is wrong with it as a whole, and the place of the line at fault."""
        ...


@dataclass(frozen=True)
class Layout:
    """What tells one format of columns from another, and the one way to read them all."""

    name: str
    split: Callable[[str], list[str] | None]
    """The fields of a token's line; none for a line between sentences; None for a line that is no token's."""
    word: int
    tag: int
    names: tuple[str, ...] = ()
    """The names of the columns, where their number is fixed. The first, which counts the tokens, can't be chosen."""
    no_tag: Mapping[int, str] = field(default_factory=dict)
    """What stands in a column, by its number, to say that there is no tag."""
    numbering: Callable[[str], Numbering] | None = None
    """Where the first column counts the words: given the file's name, what looks after the count."""

    def column(self, chosen: Column | None, default: int) -> int:
        """The number of a column; the default where none is chosen.

        Raises:
            ConfigError: a name or a number this format has no column for.
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
            place = chosen if chosen > 0 else len(self.names) + 1 + chosen
            if 1 < place <= len(self.names):
                return place
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
        """The sentences of a file, one at a time, with every line of the file in some block.

        Args:
            tagged: read the tag column as well.
            on_bad: called with the error of each malformed line, which is then no token; unset, the error is raised.

        Raises:
            DataError: a malformed line: an empty or unspecified token or tag, too few columns, another number of
                columns than the format or the lines before it have, or a number that is out of order.
            ConfigError: a column that can't be.
        """
        columns = columns or Columns()
        word, tag = self.column(columns.word, self.word), self.column(columns.tag, self.tag)
        source = source_name(path)
        block = Block(source, self, word, tag)
        width, expected = len(self.names), f"the {len(self.names)} columns of {self.name}"
        ended = False  # whether the last line stood between sentences
        numbering = self.numbering(source) if self.numbering else None

        def end_numbering() -> None:
            left = numbering.finish() if numbering else None
            if left:
                error, place = left
                if on_bad is None:
                    raise error
                on_bad(error)
                block.malformed.append(place)

        for number, line in read_lines(path):
            body, _ = split_ending(line)
            fields = self.split(body)
            boundary = fields == []
            if block.tokens and ended and not boundary:
                yield block
                block = Block(source, self, word, tag)
            block.lines.append(line)
            ended = boundary
            if boundary:
                end_numbering()
                continue
            miscounted = numbering.see(body, number, len(block.lines) - 1) if numbering else None
            try:
                if width and fields and len(fields) != width:
                    found = f"{count_columns(len(fields))} ({_shorten(body)})"
                    raise DataError(found, expected, source=source, line=number)
                if miscounted:
                    raise miscounted
                if not fields:
                    continue
                token, value = self._pick(fields, word, tag if tagged else None, source, number)
            except DataError as error:
                if on_bad is None:
                    raise
                on_bad(error)
                block.malformed.append(len(block.lines) - 1)
                continue
            if not width:
                width, expected = len(fields), f"{count_columns(len(fields))}, as on line {number}"
            block.numbers.append(number)
            block.places.append(len(block.lines) - 1)
            block.tokens.append(token)
            if tagged:
                block.tags.append(value)
        end_numbering()
        if block.lines:
            yield block

    def read(
        self,
        path: str | os.PathLike[str],
        columns: Columns | None = None,
        *,
        tagged: bool = True,
        on_bad: OnBad | None = None,
    ) -> Iterator[Sentence]:
        """The sentences of a file, one at a time; arguments and errors as for ``read_blocks``."""
        for block in self.read_blocks(path, columns, tagged=tagged, on_bad=on_bad):
            if block.tokens:
                yield block.sentence(tagged=tagged)

    def check_tag(self, value: str, column: int, *, spaces: bool, source: str, line: int | None) -> None:
        """As ``check_fits``, for a tag in a column, which can't be what stands for none either."""
        check_fits(value, spaces=spaces, source=source, line=line)
        if value == self.no_tag.get(column):
            raise DataError(f"the tag {value!r}", f"another; in {self.name} it means none", source=source, line=line)

    def _pick(self, fields: list[str], word: int, tag: int | None, source: str, line: int) -> tuple[str, str]:
        """Token and tag ('' where no tag is read) from the fields of a line."""
        wanted = {"token": word} if tag is None else {"token": word, "tag": tag}
        places = {name: column - 1 if column > 0 else len(fields) + column for name, column in wanted.items()}
        shown = _shorten("\t".join(fields))
        if not all(0 <= place < len(fields) for place in places.values()) or len({*places.values()}) < len(places):
            expected = f"the word in column {word}" + (f" and the tag in column {tag}, another" if tag else "")
            raise DataError(f"{count_columns(len(fields))} ({shown})", expected, source=source, line=line)
        for name, place in places.items():
            if not fields[place].strip(" "):
                expected = f"a {name}; --skip-bad skips such lines"
                raise DataError(f"an empty {name} ({shown})", expected, source=source, line=line)
        value = "" if tag is None else fields[places["tag"]]
        if tag is not None and value == self.no_tag.get(tag):
            expected = f"a tag in column {tag} ({self.names[tag - 1]}); --skip-bad skips such lines"
            raise DataError(f"an unspecified tag ({shown})", expected, source=source, line=line)
        return fields[places["token"]], value


def check_fits(value: str, *, spaces: bool, source: str = "", line: int | None = None) -> None:
    """See to it that a token or tag can be read back from a column.

    Args:
        spaces: whether it may hold them: whether TABs part the columns.

    Raises:
        DataError: it can't.
    """
    barred = "\t\n\0" if spaces else "\t\n\0 "
    if not value.strip(" ") or any(c in value for c in barred) or value.endswith("\r"):
        expected = "a token or tag fit for a column: not empty, no TAB, line end or NUL"
        raise DataError(repr(value), expected + ("" if spaces else ", no space"), source=source, line=line)


def split_ending(line: str) -> tuple[str, str]:
    """A line without its ending, and the ending."""
    body = line.removesuffix("\n").removesuffix("\r")
    return body, line[len(body) :]


def count_columns(columns: int) -> str:
    """A number of columns in words."""
    return "1 column" if columns == 1 else f"{columns} columns"


def _shorten(body: str) -> str:
    return repr(body if len(body) <= 60 else body[:57] + "...")
