"""What the first layer makes of a word is a function of the word alone: computed once for each word met, and kept."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import numpy as np

from tagsmith.batching import Alphabets, Batch, Ids
from tagsmith.kernels.reference import Floats

_ROOM = 32 * 2**20  # bytes for a table: 5,000 words at two directions of 200 units
_AT_ONCE = 256  # words computed at a time: more would take memory and save no time

Form = tuple[str, int]
"""All that a model sees of a word: its spelling, normalised, and the id of its word vector."""


class WordRows:
    """A row of numbers for each word met, in tables of bounded size: a full one is kept until the next is full as well,
    so that the words of frequent use are never computed again.

    Words that the model can't tell apart (digits may count as zeros) share a row. Threads can share one.
    """

    def __init__(self, alphabets: Alphabets, width: int, compute: Callable[[Batch], Floats]) -> None:
        """``compute`` gives the rows of a batch's distinct words. Shape: [U, width]."""
        self._alphabets, self._compute = alphabets, compute
        self._shape = max(1, _ROOM // (4 * width)), width
        self._lock = threading.Lock()
        self._before, self._now = _Table((0, width)), _Table(self._shape)

    def of(self, sentences: Sequence[Sequence[str]]) -> tuple[Floats, Ids]:
        """A table, and which of its rows each word of the sentences has. Shape: [·, width], [N].

        Later calls may add rows to the table but never change one.
        """
        with self._lock:
            try:
                return self._now.table, self._now.find(sentences)
            except KeyError:
                pass
            words = dict.fromkeys(word for sentence in sentences for word in sentence)
            new = [word for word in words if word not in self._now.row_of]
            if not self._now.has_room(len(new)):
                self._before, self._now = self._now, _Table((max(self._shape[0], len(words)), self._shape[1]))
                new = list(words)
            self._add(new)
            return self._now.table, self._now.find(sentences)

    def _add(self, words: list[str]) -> None:
        """Rows for words that have none: shared, taken over from the table before, or computed."""
        now, before = self._now, self._before
        unmet: dict[Form, str] = {}
        forms = [(self._alphabets.spelling_of(word), self._alphabets.word_id(word)) for word in words]
        for word, form in zip(words, forms, strict=True):
            if form in before.row_of_form and form not in now.row_of_form:
                now.add([form], before.table[before.row_of_form[form]])
            elif form not in now.row_of_form:
                unmet.setdefault(form, word)
        met = list(unmet.items())
        for start in range(0, len(met), _AT_ONCE):
            some = met[start : start + _AT_ONCE]
            rows = self._compute(self._alphabets.batch([[word for _, word in some]]))
            now.add([form for form, _ in some], rows)
        now.row_of.update((word, now.row_of_form[form]) for word, form in zip(words, forms, strict=True))


class _Table:
    """Rows, and whose they are."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self.table = np.empty(shape, np.float32)  # nothing of it takes memory before it is written to
        self.row_of: dict[str, int] = {}
        self.row_of_form: dict[Form, int] = {}

    def find(self, sentences: Sequence[Sequence[str]]) -> Ids:
        """The row of each word. Shape: [N]."""
        row_of = self.row_of
        return np.array([row_of[word] for sentence in sentences for word in sentence], np.int64)

    def has_room(self, count: int) -> bool:
        """Whether so many more words fit. Those that share a row count too, for they take memory all the same."""
        rows = len(self.table)
        return len(self.row_of_form) + count <= rows and len(self.row_of) + count <= 8 * rows

    def add(self, forms: Sequence[Form], rows: Floats) -> None:
        """Shape: rows [forms, width]."""
        used = len(self.row_of_form)
        self.table[used : used + len(forms)] = rows
        self.row_of_form.update(zip(forms, range(used, used + len(forms)), strict=True))
