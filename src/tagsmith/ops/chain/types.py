"""The linear chain as arrays: its scores, which steps are allowed, and what is read off it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tagsmith.tensors import Bools, Floats, Ids


class Chain(NamedTuple):
    """What the paths of a batch score, words in the order of the batch."""

    emissions: Floats
    """Score of every tag at every word. Shape: [N, K]."""
    transitions: Floats
    """Score of each tag (column) after each (row). Shape: [K, K], or [N, K, K] where each word has its own scores of
    coming to it; nothing comes to the first word of a sentence, and its row means nothing."""
    start_transitions: Floats
    """Shape: [K]."""
    end_transitions: Floats
    """Shape: [K]."""


class Allowed(NamedTuple):
    """Which steps the paths may take."""

    start: Bools
    """Which tags may start a sentence. Shape: [K]."""
    step: Bools
    """Which tag (column) may follow which (row). Shape: [K, K]."""
    end: Bools
    """Which tags may end a sentence. Shape: [K]."""

    @classmethod
    def all(cls, tags: int) -> Allowed:
        """Return every step among so many tags."""
        return cls(np.ones(tags, bool), np.ones((tags, tags), bool), np.ones(tags, bool))


class SpanReading(NamedTuple):
    """How tags spell spans: ``schemes.reading_rule`` in arrays."""

    label: Ids
    """The label of each tag, -1 outside all spans. Shape: [K]."""
    continues: Bools
    """Whether a tag (column) goes on with the span that the tag before it (row) is in. Shape: [K, K]."""


class SpanArrays(NamedTuple):
    """Spans that the paths of a batch spell, one after another."""

    starts: Ids
    """First words. Shape: [S]."""
    ends: Ids
    """The words after the last ones. Shape: [S]."""
    label: Ids
    """Shape: [S]."""
    sentence: Ids
    """Which sentence each is in. Shape: [S]."""


class Posteriors(NamedTuple):
    """How probable some paths are, one for each sentence, and their parts; in float64."""

    tokens: Floats
    """Probability of each word's tag. Shape: [N]."""
    spans: Floats
    """Probability of each span: of all paths that spell exactly this one, with its label. Shape: [S]."""
    sentences: Floats
    """Log-probability of each path. Shape: [B]."""
    places: SpanArrays
    """The spans."""
