"""CoNLL columns: one token a line, a blank line after each sentence.

A line with a TAB is split at TABs only, any other at runs of spaces; no other Unicode whitespace ever splits.
``-DOCSTART-`` lines mark documents and are no tokens.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TextIO

from tagsmith.errors import ConfigError, DataError
from tagsmith.files import read_lines, source_name
from tagsmith.text import Sentence

DOCSTART = "-DOCSTART-"
FIRST, LAST = 1, -1
OnBad = Callable[[DataError], None]


@dataclass(frozen=True)
class Columns:
    """Which columns hold the word and the tag: counted from 1, or from the end with -1."""

    word: int | None = None
    """Unset: the first, or FORM in CoNLL-U."""
    tag: int | None = None
    """Unset: the last, or UPOS in CoNLL-U."""

    def __post_init__(self) -> None:
        if self.word == 0 or self.tag == 0:
            raise ConfigError("found column 0; expected columns counted from 1, or from the end with -1")

    def or_else(self, word: int, tag: int) -> Columns:
        """The same columns, with these where they are unset."""
        return Columns(self.word or word, self.tag or tag)

    def pick(self, fields: list[str], tagged: bool, source: str, line: int) -> tuple[str, str]:
        """Token and tag ('' where not ``tagged``) from the fields of a line.

        Raises:
            DataError: too few columns, or an empty token or tag.
        """
        word, tag = self.word or FIRST, self.tag or LAST
        shown = repr("\t".join(fields)[:60])
        wanted = {"token": word, "tag": tag} if tagged else {"token": word}
        places = {name: column - 1 if column > 0 else len(fields) + column for name, column in wanted.items()}
        if not all(0 <= place < len(fields) for place in places.values()) or len({*places.values()}) < len(places):
            expected = f"the word in column {word}" + (f" and the tag in column {tag}, another" if tagged else "")
            raise DataError(f"{count_columns(len(fields))} ({shown})", expected, source=source, line=line)
        for name, place in places.items():
            if not fields[place].strip(" "):
                expected = f"a {name}; --skip-bad skips such lines"
                raise DataError(f"an empty {name} ({shown})", expected, source=source, line=line)
        return fields[places["token"]], fields[places["tag"]] if tagged else ""


@dataclass
class Block:
    """One sentence as it stands in the file: its lines with their endings, whatever they hold, and its tokens.

    Lines that are no tokens (blank ones, -DOCSTART-, skipped ones) belong to the block before or around them.
    """

    source: str
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

    def with_tags(self, values: Sequence[str], column: int) -> str:
        """The lines without the malformed ones, and with the tags in ``column`` replaced; all else as it was."""
        lines = list(self.lines)
        for place, value in zip(self.places, values, strict=True):
            body, ending = _split_ending(lines[place])
            # Keep what stands between the fields: TABs, or runs of spaces.
            pieces = re.split("(\t)" if "\t" in body else "( +)", body)
            fields = [i for i, piece in enumerate(pieces) if i % 2 == 0 and (piece or "\t" in body)]
            pieces[fields[column - 1 if column > 0 else column]] = value
            lines[place] = "".join(pieces) + ending
        return "".join(line for place, line in enumerate(lines) if place not in self.malformed)

    def with_column(self, values: Sequence[str]) -> str:
        """The lines with one more column: the values, one for each token; all other lines as they were."""
        lines = list(self.lines)
        for place, value in zip(self.places, values, strict=True):
            body, ending = _split_ending(lines[place])
            # At a TAB a space belongs to its column; without TABs it would be one space too many.
            kept, separator = (body, "\t") if "\t" in body else (body.rstrip(" "), " ")
            lines[place] = f"{kept}{separator}{value}{ending}"
        return "".join(lines)


def read_blocks(
    path: str | os.PathLike[str],
    columns: Columns | None = None,
    *,
    tagged: bool = True,
    on_bad: OnBad | None = None,
) -> Iterator[Block]:
    """The sentences of a file, one at a time, with every line of the file in some block.

    Args:
        tagged: read the tag column as well; without, one column is enough.
        on_bad: called with the error of each malformed line, which is then no token; unset, the error is raised.

    Raises:
        DataError: a malformed line: an empty token or tag, too few columns, or another number of columns than
            in the lines before it.
    """
    columns = (columns or Columns()).or_else(FIRST, LAST)
    source = source_name(path)
    block = Block(source)
    width: tuple[int, int] | None = None  # number of columns, and the line that had it first
    ended = False  # whether the last line was no token
    for number, line in read_lines(path):
        body, _ = _split_ending(line)
        fields = _split(body)
        boundary = not fields or fields[0] == DOCSTART
        if block.tokens and ended and not boundary:
            yield block
            block = Block(source)
        block.lines.append(line)
        ended = boundary
        if boundary:
            continue
        try:
            if width and len(fields) != width[0]:
                expected = f"{count_columns(width[0])}, as on line {width[1]}"
                raise DataError(
                    count_columns(len(fields)) + f" ({_shorten(body)})", expected, source=source, line=number
                )
            token, tag = columns.pick(fields, tagged, source, number)
        except DataError as error:
            if on_bad is None:
                raise
            on_bad(error)
            block.malformed.append(len(block.lines) - 1)
            continue
        width = width or (len(fields), number)
        block.numbers.append(number)
        block.places.append(len(block.lines) - 1)
        block.tokens.append(token)
        if tagged:
            block.tags.append(tag)
    if block.lines:
        yield block


def read(
    path: str | os.PathLike[str],
    columns: Columns | None = None,
    *,
    tagged: bool = True,
    on_bad: OnBad | None = None,
) -> Iterator[Sentence]:
    """The sentences of a file, one at a time; arguments and errors as for ``read_blocks``."""
    for block in read_blocks(path, columns, tagged=tagged, on_bad=on_bad):
        if block.tokens:
            yield block.sentence(tagged=tagged)


def write(sentences: Iterable[Sentence], file: TextIO) -> int:
    """Write tokens and tags, TAB between them, a blank line after each sentence; gives the number of sentences.

    Raises:
        DataError: a token or tag that would not be read back as it is.
    """
    count = 0
    for sentence in sentences:
        count += 1
        if not sentence.tokens or (count == 1 and sentence.tokens[0].startswith("\ufeff")):
            found = repr(sentence.tokens[0]) if sentence.tokens else "a sentence without tokens"
            expected = "a token to start with; columns hold no empty sentence, and no byte order mark as text"
            raise DataError(found, expected, source=sentence.source, line=sentence.line_of())
        barred = "\t\n\0" if sentence.tags else "\t\n\0 "  # a line without a TAB is split at spaces
        for row in zip(sentence.tokens, sentence.tags, strict=True) if sentence.tags else zip(sentence.tokens):
            for value in row:
                if not value.strip(" ") or any(c in value for c in barred) or value.endswith("\r"):
                    expected = "a token fit for a column: not empty, no TAB, line end or NUL (untagged: no space)"
                    raise DataError(repr(value), expected, source=sentence.source, line=sentence.line_of())
            if row[0] == DOCSTART:
                raise DataError(repr(DOCSTART), "a token; this word marks a document", source=sentence.source)
            file.write("\t".join(row) + "\n")
        file.write("\n")
    return count


def _split(body: str) -> list[str]:
    """The fields of a line; a blank line, or one of nothing but spaces and TABs, has none."""
    if not body.strip(" \t"):
        return []
    return body.split("\t") if "\t" in body else [field for field in body.split(" ") if field]


def _split_ending(line: str) -> tuple[str, str]:
    body = line.removesuffix("\n").removesuffix("\r")
    return body, line[len(body) :]


def count_columns(columns: int) -> str:
    """A number of columns in words."""
    return "1 column" if columns == 1 else f"{columns} columns"


def _shorten(body: str) -> str:
    return repr(body if len(body) <= 60 else body[:57] + "...")
