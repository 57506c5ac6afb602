"""Selection of the rows that given corpora can look up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from tagsmith.vocab import forms, zero_digits


def lookup_forms(tokens: Iterable[str]) -> set[str]:
    """Return every form in which training or tagging may look up one of these tokens, under any settings.

    Settings may lower-case a token and zero its digits before the lookup. The lookup then tries the result as it is,
    lower-cased, and with its digits zeroed.
    """
    return {form for token in set(tokens) for normalised in (token, zero_digits(token)) for form in forms(normalised)}


@dataclass
class RowSelector:
    """Selects rows while a file is read: those of given words, and the first ``top``."""

    words: set[str] = field(default_factory=set)
    top: int = 0
    rows: int = 0
    """Rows seen so far."""

    def __call__(self, words: list[str]) -> list[int]:
        """Return which of the next rows to keep, given their words."""
        first, self.rows = self.rows, self.rows + len(words)
        return [i for i, word in enumerate(words) if first + i < self.top or word in self.words]
