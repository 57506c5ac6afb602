"""CoNLL-U: ten columns between TABs, comments, and a tag in the UPOS or XPOS column.

Multiword ranges (``1-2``) and empty nodes (``8.1``) are not words. They and the comments are skipped, and stay where
they are when a file is written back.
Source: https://universaldependencies.org/format.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TextIO

from tagsmith.errors import ConfigError, DataError
from tagsmith.formats.columns import Columns, Layout, check_fits
from tagsmith.text import Sentence

NAMES = ("ID", "FORM", "LEMMA", "UPOS", "XPOS", "FEATS", "HEAD", "DEPREL", "DEPS", "MISC")
_FORM, _UPOS, _XPOS = 2, 4, 5
_UNSPECIFIED = "_"
_WORD = re.compile("[0-9]{1,9}")
_NOT_A_WORD = re.compile(r"([0-9]{1,9})-([0-9]{1,9})|([0-9]{1,9})\.([0-9]{1,9})")


def write(sentences: Iterable[Sentence], file: TextIO, columns: Columns | None = None) -> int:
    """Write tokens under FORM and tags under UPOS, or in ``columns.tag``; return the sentence count.

    Raises:
        DataError: a token or tag that would not be read back as it is.
        ConfigError: a tag column that the format does not have, or that holds the word.
    """
    tag_column = LAYOUT.column((columns or Columns()).tag, _UPOS)
    if tag_column == _FORM:
        raise ConfigError("found the tag in column FORM; expected another: that one holds the word")
    count = 0
    for sentence in sentences:
        count += 1
        if not sentence.tokens:
            expected = "a token to start with; CoNLL-U holds no empty sentence"
            raise DataError("a sentence without tokens", expected, source=sentence.source, line=sentence.line_of())
        for number, token in enumerate(sentence.tokens, 1):
            check_fits(token, spaces=True, source=sentence.source, line=sentence.line_of())
            row = [str(number), token, *[_UNSPECIFIED] * (len(NAMES) - _FORM)]
            if sentence.tags is not None:
                tag = row[tag_column - 1] = sentence.tags[number - 1]
                LAYOUT.check_tag(tag, tag_column, spaces=True, source=sentence.source, line=sentence.line_of())
            file.write("\t".join(row) + "\n")
        file.write("\n")
    return count


def _split(body: str) -> list[str] | None:
    """Return the fields of a word's line; [] for a blank line; None for a comment, a range or an empty node."""
    if not body.strip(" \t"):
        return []
    fields = body.split("\t")
    if body.startswith("#") or (len(fields) == len(NAMES) and _NOT_A_WORD.fullmatch(fields[0])):
        return None
    return fields


class _Numbering:
    """The check of IDs: words count 1, 2, 3; a range precedes its first word; an empty node follows its word."""

    def __init__(self, source: str) -> None:
        self.source = source
        self._start_over()

    def check_line(self, body: str, line: int, position: int) -> DataError | None:
        """Return the error in the ID of a line, or None."""
        if body.startswith("#"):
            return None
        name = body.partition("\t")[0]
        following = self.word + 1
        range_or_node = _NOT_A_WORD.fullmatch(name)
        if range_or_node is None:
            return self._check_word(name, following, line)
        first, last, word, node = (int(part or 0) for part in range_or_node.groups())
        if range_or_node[3]:
            expected = f"{word if self._may_follow(word + 1) else self.word}.{self.node + 1}"
            self.node = node
            return self._error_unless(name == expected, name, f"{expected}, or a word's", line)
        if not self._may_follow(first) or last < first or first <= self.last:
            begin = max(following, self.last + 1)
            expected = f"a range that begins with the next word, {begin}-{begin + 1}"
            return self._error_unless(False, name, expected, line)
        self.last, self.range = last, (name, line, position)
        return None

    def end_sentence(self) -> tuple[DataError, int] | None:
        """Return the error in the last range, if words of it are missing, and the position of its line."""
        name, line, position = self.range
        missing = self.last > self.word
        words = f"words up to {self.last} after it, not {self.word}"
        self._start_over()
        return (DataError(f"the range {name}", words, source=self.source, line=line), position) if missing else None

    def _check_word(self, name: str, following: int, line: int) -> DataError | None:
        hint = ", or a blank line before a new sentence" if name == "1" else ""
        number = int(name) if _WORD.fullmatch(name) else 0
        right = name == str(number) and self._may_follow(number)
        if _WORD.fullmatch(name):
            self.word, self.node, self.unread = number, 0, 0
        else:
            self.unread += 1
        return self._error_unless(right, name, f"{following}{hint}", line)

    def _may_follow(self, number: int) -> bool:
        """Return whether a word may have this number. Lines with a malformed ID may or may not have been words."""
        return 0 < number - self.word <= 1 + self.unread

    def _start_over(self) -> None:
        # The last word, the last empty node after it, the last word of a range, and the lines with a malformed ID.
        self.word = self.node = self.last = self.unread = 0
        self.range = ("", 0, 0)

    def _error_unless(self, right: bool, name: str, expected: str, line: int) -> DataError | None:
        return None if right else DataError(f"the ID {name!r}", expected, source=self.source, line=line)


LAYOUT = Layout(
    "CoNLL-U", _split, _FORM, _UPOS, NAMES, no_tag={_UPOS: _UNSPECIFIED, _XPOS: _UNSPECIFIED}, numbering=_Numbering
)
read, read_blocks = LAYOUT.read, LAYOUT.read_blocks
