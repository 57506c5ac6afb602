"""The answers for a whole batch, as names: tag ids become a scheme's tags and the spans they spell, all at once.

``schemes.read_spans`` and ``Scheme.write`` do the same for one sentence.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise, repeat

import numpy as np

from tagsmith.kernels.reference import Floats, Ids, Reading, Spans, spans_of
from tagsmith.schemes import SCHEMES, labels_of, reading_rule
from tagsmith.text import Span

Written = tuple[Span, float | None]
"""A span, and how probable it is if that was asked for."""


class Writer:
    """Writes what a model answers in a scheme, or its plain tags as they are."""

    def __init__(self, tags: Sequence[str], scheme: str | None) -> None:
        """
        Args:
            tags: the names of the model's tag ids.
            scheme: a name in ``SCHEMES``; None where tags spell no spans.
        """
        self._scheme = None if scheme is None else SCHEMES[scheme]
        self._reading = Reading(*reading_rule(scheme or "plain", tags))
        self._names, self._labels, self._letters = list(tags), [], []
        if self._scheme:
            self._labels, self._letters = labels_of(tags), self._scheme.letters
            self._names = self._scheme.tags(self._labels)

    def write(
        self, path: Ids, lengths: Ids, probabilities: Floats | None = None
    ) -> tuple[list[str], Iterator[list[Written]]]:
        """The tags of all words, and the spans of each sentence, their words counted from its first.

        Args:
            path: the model's tag ids. Shape: [N].
            lengths: words in each sentence. Shape: [B].
            probabilities: of the spans. Shape: [S].
        """
        spans = spans_of(path, self._reading, lengths)
        names = self._names
        tags = [names[k] for k in (self._ids(len(path), spans) if self._scheme else path).tolist()]
        first = (np.cumsum(lengths) - lengths)[spans.sentence]
        starts, ends = (spans.starts - first).tolist(), (spans.ends - first).tolist()
        labels = [self._labels[k] for k in spans.label.tolist()]
        each: Iterable[float | None] = repeat(None) if probabilities is None else probabilities.tolist()
        written = list(zip(map(Span, starts, ends, labels), each, strict=False))
        borders = pairwise(np.searchsorted(spans.sentence, np.arange(len(lengths) + 1)).tolist())
        return tags, (written[start:end] for start, end in borders)

    def _ids(self, count: int, spans: Spans) -> Ids:
        """The scheme's own ids: 0 is outside, then come the letters of each label. Shape: [N]."""
        scheme, letters = self._scheme, self._letters
        assert scheme

        def id_of(letter: str, labels: Ids) -> Ids:
            return 1 + len(letters) * labels + letters.index(letter)

        starts, ends, label, sentence = spans
        ids = np.zeros(count, np.int64)
        ids[_words_in(starts, ends)] = np.repeat(id_of(scheme.middle, label), ends - starts)
        ids[ends - 1] = id_of(scheme.last, label)
        ids[starts] = id_of(scheme.first, label)
        only = ends - starts == 1
        ids[starts[only]] = id_of(scheme.only, label[only])
        border = np.flatnonzero((ends[:-1] == starts[1:]) & (label[:-1] == label[1:]) & (sentence[:-1] == sentence[1:]))
        if scheme.before:
            ids[ends[border] - 1] = id_of(scheme.before, label[border])
        if scheme.after:
            ids[starts[border + 1]] = id_of(scheme.after, label[border])
        return ids


def _words_in(starts: Ids, ends: Ids) -> Ids:
    """The words of stretches, one after another. Shape: [S], [S] -> [words]."""
    lengths = ends - starts
    return np.arange(lengths.sum()) + np.repeat(starts - (np.cumsum(lengths) - lengths), lengths)
