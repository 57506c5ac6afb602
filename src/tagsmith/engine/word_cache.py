"""Caches of what the first layer computes from a word alone: once for each distinct word, and kept."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from tagsmith.batching import Alphabets
from tagsmith.tensors import Floats, Ids

_PRODUCTS = 16 * 2**20  # bytes for the products of words: 2,600 words at two directions of 200 units
_AT_ONCE = 1_024  # words computed at a time: more would take memory and save no time


class WordInputCache:
    """A table with a row for each distinct word, the input of the first layer. A full table is replaced by a new one.

    Words that the model cannot tell apart share a row (digits may count as zeros). Threads can share a cache.
    """

    def __init__(
        self,
        alphabets: Alphabets,
        compute: Callable[[Ids, Ids, Ids], Any],
        empty: Callable[[int], Any],
        rows: int,
    ) -> None:
        """
        Args:
            compute: the rows of words, given their ids [U], characters [C] and lengths [U]. Shape: [U, width].
            empty: a table of that many rows, in NumPy or on a device, for what ``compute`` returns.
            rows: the rows of a table, unless a batch needs more.
        """
        self._alphabets, self._compute, self._empty, self._rows = alphabets, compute, empty, rows
        self._lock = threading.Lock()
        self._reset()

    def rows(self, sentences: Sequence[Sequence[str]]) -> tuple[Any, Ids]:
        """Return a table, and the row of each word of the sentences. Shape: [·, width], [N].

        Later calls may add rows to the table but never change one.
        """
        with self._lock:
            try:
                return self._table, self._find(sentences)
            except KeyError:
                self._add(dict.fromkeys(word for sentence in sentences for word in sentence))
                return self._table, self._find(sentences)

    def _find(self, sentences: Sequence[Sequence[str]]) -> Ids:
        row_of = self._row_of
        return np.array([row_of[word] for sentence in sentences for word in sentence], np.int64)

    def _add(self, words: Iterable[str]) -> None:
        """Add rows for the words that have none."""
        words = list(words)
        new = [word for word in words if word not in self._row_of]
        if len(self._row_of) + len(new) > len(self._table):
            self._reset(len(words))
            new = words
        known = self._row_of_form
        spellings = [self._alphabets.spelling_of(word) for word in new]
        ids = [self._alphabets.word_id(word) for word in new]
        first = len(known)
        rows = [known.setdefault(form, len(known)) for form in zip(spellings, ids, strict=True)]
        try:
            self._compute_rows(first, len(known), rows, spellings, np.array(ids))
        except BaseException:
            self._reset()  # the rows that were promised are missing
            raise
        self._row_of.update(zip(new, rows, strict=True))

    def _compute_rows(self, first: int, end: int, rows: list[int], spellings: list[str], ids: Ids) -> None:
        """Fill the rows from ``first`` to ``end``, given the row of each word, its spelling and its id."""
        _, of = np.unique(rows, return_index=True)  # a word of each row
        of = of[len(of) - (end - first) :]
        for start in range(0, len(of), _AT_ONCE):
            some = of[start : start + _AT_ONCE]
            chars = self._alphabets.characters([spellings[i] for i in some])
            self._table[first + start : first + start + len(some)] = self._compute(ids[some], *chars)

    def _reset(self, at_least: int = 0) -> None:
        """Start an empty table with at least this many rows."""
        self._table = self._empty(max(at_least, self._rows))
        self._row_of: dict[str, int] = {}
        self._row_of_form: dict[tuple[str, int], int] = {}  # by all that the model sees of a word


class ProductCache:
    """The first layer's products of words' inputs, within a bound on memory. One thread may use it at a time."""

    def __init__(self, width: int, compute: Callable[[Floats], Floats]) -> None:
        """``compute`` returns the products of inputs. Shape: [U, D] -> [U, width]."""
        self._compute = compute
        self.table = np.empty((_PRODUCTS // (4 * width), width), np.float32)
        self._inputs: Floats | None = None

    def rows(self, inputs: Floats, words: Ids) -> Ids:
        """Return the row of ``table`` that holds each word's product, until the next call.

        Shape: inputs [·, D], the table of a ``WordInputCache``, words [N], its rows -> [N]
        """
        if inputs is not self._inputs:
            self._inputs, self._row_of = inputs, np.full(len(inputs), -1)
            self._used = 0
        missing = np.unique(words[self._row_of[words] < 0])
        if self._used + len(missing) > len(self.table):
            missing = np.unique(words)
            if len(missing) > len(self.table):
                self.table = np.empty((len(missing), self.table.shape[1]), np.float32)
            self._row_of[:] = -1
            self._used = 0
        for start in range(0, len(missing), _AT_ONCE):
            some = missing[start : start + _AT_ONCE]
            end = self._used + len(some)
            self.table[self._used : end] = self._compute(inputs[some])
            self._row_of[some] = np.arange(self._used, end)
            self._used = end
        return self._row_of[words]
