"""Which rows of a table some corpora can meet."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from tagsmith.vocab import forms, zero_digits


def lookup_forms(tokens: Iterable[str]) -> set[str]:
    """Every form in which training or tagging looks one of these tokens up, whatever the settings.

    Settings may zero a token's digits and lower-case it before it is looked up; a lookup then tries the word as it is,
    lower-cased, and with its digits zeroed.
    """
    return {form for token in set(tokens) for normalised in (token, zero_digits(token)) for form in forms(normalised)}


@dataclass
class TrimChoice:
    """Chooses rows as they are read: those of the words wanted, and the first ``top``."""

    wanted: set[str] = field(default_factory=set)
    top: int = 0
    rows: int = 0
    """Rows seen so far."""

    def __call__(self, words: list[str]) -> list[int]:
        """Places of the rows to keep among those of these words, which come next in the file."""
        first, self.rows = self.rows, self.rows + len(words)
        return [i for i, word in enumerate(words) if first + i < self.top or word in self.wanted]
