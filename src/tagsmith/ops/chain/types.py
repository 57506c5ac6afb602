"""The linear chain as arrays: scores, allowed steps, spans and probabilities."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tagsmith.tensors import Bools, Floats, Ids


class Chain(NamedTuple):
    """The scores of the paths of a batch, with words in batch order."""

    emissions: Floats
    """Score of every tag at every word. Shape: [N, K]."""
    transitions: Floats
    """Score of each tag (column) after each tag (row). Shape: [K, K], or [N, K, K] with the scores of the step into
    each
    word. The entry of a sentence's first word is unused."""
    start_transitions: Floats
    """Shape: [K]."""
    end_transitions: Floats
    """Shape: [K]."""


class Allowed(NamedTuple):
    """The steps that paths may take."""

    start: Bools
    """Tags that may start a sentence. Shape: [K]."""
    step: Bools
    """Tags (columns) that may follow a tag (row). Shape: [K, K]."""
    end: Bools
    """Tags that may end a sentence. Shape: [K]."""

    @classmethod
    def all(cls, tags: int) -> Allowed:
        """Return every step among this number of tags."""
        return cls(np.ones(tags, bool), np.ones((tags, tags), bool), np.ones(tags, bool))


class SpanReading(NamedTuple):
    """The reading of tags as spans: ``schemes.reading_rule`` as arrays."""

    label: Ids
    """The label of each tag, -1 outside all spans. Shape: [K]."""
    continues: Bools
    """Whether a tag (column) continues the span of the tag before it (row). Shape: [K, K]."""


class SpanArrays(NamedTuple):
    """The spans of the paths of a batch, in order."""

    starts: Ids
    """First words. Shape: [S]."""
    ends: Ids
    """The words after the last. Shape: [S]."""
    label: Ids
    """Shape: [S]."""
    sentence: Ids
    """The sentence of each span. Shape: [S]."""


class Posteriors(NamedTuple):
    """The probabilities of one path per sentence, its tags and its spans, in float64."""

    tokens: Floats
    """Probability of each word's tag. Shape: [N]."""
    spans: Floats
    """Probability of exactly this span with its label. Shape: [S]."""
    sentences: Floats
    """Log-probability of each path. Shape: [B]."""
    places: SpanArrays
    """The spans."""
