"""What the first layer makes of a word is a function of the word alone: computed once for each word met, and kept."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import numpy as np

from tagsmith.batching import Alphabets, Batch, Ids
from tagsmith.kernels.reference import Floats

_ROOM = 96 * 2**20  # bytes for the rows: 16,000 words at two directions of 200 units


class WordRows:
    """A row of numbers for each word met, in a table of bounded size: when it is full, a new one is begun.

    Words that the model can't tell apart (digits may count as zeros) share a row. Threads can share one.
    """

    def __init__(self, alphabets: Alphabets, width: int, compute: Callable[[Batch], Floats]) -> None:
        """``compute`` gives the rows of a batch's distinct words. Shape: [U, width]."""
        self._alphabets, self._compute = alphabets, compute
        self._shape = max(1, _ROOM // (4 * width)), width
        self._lock = threading.Lock()
        self._begin()

    def of(self, sentences: Sequence[Sequence[str]]) -> tuple[Floats, Ids]:
        """A table, and which of its rows each word of the sentences has. Shape: [·, width], [N].

        Later calls may add rows to the table but never change one.
        """
        with self._lock:
            try:
                return self._table, self._find(sentences)
            except KeyError:
                new = list(dict.fromkeys(word for s in sentences for word in s if word not in self._row_of))
            if self._used + len(new) > len(self._table) or len(self._row_of) > 8 * len(self._table):
                self._begin()
                new = list(dict.fromkeys(word for s in sentences for word in s))
            self._add(new)
            return self._table, self._find(sentences)

    def _find(self, sentences: Sequence[Sequence[str]]) -> Ids:
        row_of = self._row_of
        return np.array([row_of[word] for sentence in sentences for word in sentence], np.int64)

    def _begin(self) -> None:
        self._table = np.empty(self._shape, np.float32)  # takes no memory before it is written to
        self._used = 0
        self._row_of: dict[str, int] = {}
        self._row_of_form: dict[tuple[str, int], int] = {}

    def _add(self, words: list[str]) -> None:
        """Rows for words that have none."""
        forms = [(self._alphabets.spelling_of(word), self._alphabets.word_id(word)) for word in words]
        fresh: dict[tuple[str, int], str] = {}
        for word, form in zip(words, forms, strict=True):
            if form not in self._row_of_form:
                fresh.setdefault(form, word)
        if fresh:
            rows = self._compute(self._alphabets.batch([list(fresh.values())]))
            end = self._used + len(rows)
            if end > len(self._table):  # a batch of more words than there is room for
                self._table = np.concatenate([self._table[: self._used], rows])
            else:
                self._table[self._used : end] = rows
            self._row_of_form.update(zip(fresh, range(self._used, end), strict=True))
            self._used = end
        self._row_of.update((word, self._row_of_form[form]) for word, form in zip(words, forms, strict=True))
