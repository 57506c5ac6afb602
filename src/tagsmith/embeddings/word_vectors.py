"""A table of word vectors in use, and how much of a corpus it covers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tagsmith.vocab import ABSENT, Vocabulary

Match = Literal["exact", "lower-cased", "digits zeroed", "absent"]


@dataclass(frozen=True)
class WordVectors:
    """A table of word vectors. Shape: matrix [words, dim], float32."""

    words: Vocabulary
    matrix: NDArray[np.float32]
    source: str = ""
    repeated: int = 0
    """Rows left out because their word came before; the first row of a word counts."""
    form: str = ""
    """What the vectors were read from: a key of ``FORMS``."""

    @property
    def dim(self) -> int:
        """Width of a vector."""
        return self.matrix.shape[1]

    def coverage(self, words: Iterable[str], normalise: Callable[[str], str] = str) -> Coverage:
        """How many of these distinct words have a vector, and in which form it stands in the table.

        Args:
            normalise: what is done to a word before it is looked up.
        """
        forms = Counter(self.match(word, normalise(word)) for word in set(words))
        return Coverage(forms["exact"], forms["lower-cased"], forms["digits zeroed"], forms["absent"])

    def match(self, word: str, normalised: str) -> Match:
        """The form in which the table has a word that is looked up as ``normalised``."""
        found = self.words.find(normalised)
        if found == ABSENT:
            return "absent"
        entry = self.words.strings[found]
        return "exact" if entry == word else "lower-cased" if entry == word.lower() else "digits zeroed"


@dataclass(frozen=True)
class Coverage:
    """Distinct words by the form in which a vector table has them."""

    exact: int
    lowered: int
    zeroed: int
    absent: int

    def __str__(self) -> str:
        total = self.exact + self.lowered + self.zeroed + self.absent
        parts: list[tuple[Match, int]] = [
            ("exact", self.exact),
            ("lower-cased", self.lowered),
            ("digits zeroed", self.zeroed),
            ("absent", self.absent),
        ]
        figures = ", ".join(f"{count:,} {name} ({100 * count / max(total, 1):.1f} %)" for name, count in parts)
        return f"{total:,} words of the training data: {figures}"
