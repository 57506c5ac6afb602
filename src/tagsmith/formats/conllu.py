"""CoNLL-U: ten columns between TABs, comments, and a tag in the UPOS or XPOS column.

Multiword ranges (``1-2``) and empty nodes (``8.1``) are no words of their own: they and the comments are passed over,
and stay where they are when a file is written back.
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
_NOTHING = "_"
_WORD = re.compile("[0-9]{1,9}")
_NO_WORD = re.compile(r"([0-9]{1,9})-([0-9]{1,9})|([0-9]{1,9})\.([0-9]{1,9})")


def write(sentences: Iterable[Sentence], file: TextIO, columns: Columns | None = None) -> int:
    """Write tokens under FORM and their tags under UPOS, or where ``columns`` says; gives the number of sentences.

    Raises:
        DataError: a token or tag that would not be read back as it is.
        ConfigError: a tag column that can't be.
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
            row = [str(number), token, *[_NOTHING] * (len(NAMES) - _FORM)]
            if sentence.tags is not None:
                tag = row[tag_column - 1] = sentence.tags[number - 1]
                LAYOUT.check_tag(tag, tag_column, spaces=True, source=sentence.source, line=sentence.line_of())
            file.write("\t".join(row) + "\n")
        file.write("\n")
    return count


def _split(body: str) -> list[str] | None:
    """The fields of a word's line; none for a blank line, and None for a comment, a range or an empty node."""
    if not body.strip(" \t"):
        return []
    fields = body.split("\t")
    if body.startswith("#") or (len(fields) == len(NAMES) and _NO_WORD.fullmatch(fields[0])):
        return None
    return fields


class _Numbering:
    """IDs: words are 1, 2, 3 and so on, a range stands before its first word, an empty node after the word it names."""

    def __init__(self, source: str) -> None:
        self.source = source
        self._begin()

    def see(self, body: str, line: int, place: int) -> DataError | None:
        """What is wrong with the ID of a line, if anything."""
        if body.startswith("#"):
            return None
        name = body.partition("\t")[0]
        after = self.word + 1
        aside = _NO_WORD.fullmatch(name)
        if aside is None:
            return self._see_word(name, after, line)
        first, last, word, node = (int(part or 0) for part in aside.groups())
        if aside[3]:
            expected = f"{word if self._may_come(word + 1) else self.word}.{self.node + 1}"
            self.node = node
            return self._unless(name == expected, name, f"{expected}, or a word's", line)
        if not self._may_come(first) or last < first or first <= self.last:
            begin = max(after, self.last + 1)
            return self._unless(False, name, f"a range that begins with the next word, {begin}-{begin + 1}", line)
        self.last, self.range = last, (name, line, place)
        return None

    def _see_word(self, name: str, after: int, line: int) -> DataError | None:
        hint = ", or a blank line before a new sentence" if name == "1" else ""
        number = int(name) if _WORD.fullmatch(name) else 0
        right = name == str(number) and self._may_come(number)
        if _WORD.fullmatch(name):
            self.word, self.node, self.unread = number, 0, 0
        else:
            self.unread += 1
        return self._unless(right, name, f"{after}{hint}", line)

    def _may_come(self, number: int) -> bool:
        """Whether a word may have this number: where lines before it had none, they may have been words or not."""
        return 0 < number - self.word <= 1 + self.unread

    def finish(self) -> tuple[DataError, int] | None:
        """A range whose words don't all come, if there is one."""
        name, line, place = self.range
        missing = self.last > self.word
        words = f"words up to {self.last} after it, not {self.word}"
        self._begin()
        return (DataError(f"the range {name}", words, source=self.source, line=line), place) if missing else None

    def _begin(self) -> None:
        # The last word, the last empty node after it, the last word of a range, and lines whose ID is none.
        self.word = self.node = self.last = self.unread = 0
        self.range = ("", 0, 0)

    def _unless(self, right: bool, name: str, expected: str, line: int) -> DataError | None:
        return None if right else DataError(f"the ID {name!r}", expected, source=self.source, line=line)


LAYOUT = Layout("CoNLL-U", _split, _FORM, _UPOS, NAMES, no_tag={_UPOS: _NOTHING, _XPOS: _NOTHING}, numbering=_Numbering)
read, read_blocks = LAYOUT.read, LAYOUT.read_blocks
