"""Word vectors in use, and their coverage of words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tagsmith.vocab import ABSENT, Vocabulary

LookupResult = Literal["exact", "lower-cased", "digits zeroed", "absent"]
"""The form in which the vectors have a word."""


@dataclass(frozen=True)
class WordVectors:
    """Words and their vectors. Shape: matrix [words, dim], float32."""

    words: Vocabulary
    matrix: NDArray[np.float32]
    source: str = ""
    repeated: int = 0
    """Rows that were left out because an earlier row has the same word."""
    format: str = ""
    """The format that the vectors were read from: a key of ``FORMATS``."""

    @property
    def dim(self) -> int:
        """The dimension of a vector."""
        return self.matrix.shape[1]

    def coverage(self, words: Iterable[str], normalise: Callable[[str], str] = str) -> Coverage:
        """Count the distinct words that have a vector, by the form in which the vectors have them.

        Args:
            normalise: applied to a word before it is looked up.
        """
        results = Counter(self.look_up(word, normalise(word)) for word in set(words))
        return Coverage(
            exact=results["exact"],
            lowered=results["lower-cased"],
            zeroed=results["digits zeroed"],
            absent=results["absent"],
        )

    def look_up(self, word: str, normalised: str) -> LookupResult:
        """Return the form in which the vectors have a word that is looked up as ``normalised``."""
        row = self.words.find(normalised)
        if row == ABSENT:
            return "absent"
        entry = self.words.strings[row]
        return "exact" if entry == word else "lower-cased" if entry == word.lower() else "digits zeroed"


@dataclass(frozen=True)
class Coverage:
    """Counts of distinct words, by the form in which the vectors have them."""

    exact: int
    lowered: int
    zeroed: int
    absent: int

    def __str__(self) -> str:
        total = self.exact + self.lowered + self.zeroed + self.absent
        counts: dict[LookupResult, int] = {
            "exact": self.exact,
            "lower-cased": self.lowered,
            "digits zeroed": self.zeroed,
            "absent": self.absent,
        }
        figures = ", ".join(f"{count:,} {name} ({100 * count / max(total, 1):.1f} %)" for name, count in counts.items())
        return f"{total:,} words of the training data: {figures}"
