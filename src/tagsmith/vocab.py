"""Strings to ids and back."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

Match = Literal["exact", "lower-cased", "digits zeroed"]
_DIGIT = re.compile("[0-9]")


def zero_digits(word: str) -> str:
    """The word with every ASCII digit turned into 0."""
    return word if word.isalpha() else _DIGIT.sub("0", word)


def forms(word: str) -> tuple[tuple[str, Match], ...]:
    """The forms a word is looked up in, one after another: as it is, in lower case, with its digits zeroed as well."""
    lowered = word.lower()
    return (word, "exact"), (lowered, "lower-cased"), (zero_digits(lowered), "digits zeroed")


class Vocabulary:
    """Distinct strings in a fixed order; a string's id is its place.

    Raises:
        ValueError: a string comes twice.
    """

    def __init__(self, strings: Iterable[str]) -> None:
        self.strings: list[str] = list(strings)
        self.ids: dict[str, int] = {string: i for i, string in enumerate(self.strings)}
        if len(self.ids) != len(self.strings):
            raise ValueError("a string comes twice")

    def __len__(self) -> int:
        return len(self.strings)

    def find(self, word: str) -> tuple[int, Match] | None:
        """Id of the word as it is, else in lower case, else with its digits zeroed as well; None if in no form."""
        if (found := self.ids.get(word)) is not None:  # nearly always; the other forms take time to make
            return found, "exact"
        for form, match in forms(word)[1:]:
            if (found := self.ids.get(form)) is not None:
                return found, match
        return None
