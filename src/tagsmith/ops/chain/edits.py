"""Edits of a chain's scores at some words: -inf forbids, any other number is a bonus or a penalty."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tagsmith.ops.chain.types import Chain
from tagsmith.tensors import Floats


class Edits(NamedTuple):
    """Scores to add to the chain of a batch."""

    emissions: list[tuple[int, int, Floats]]
    """For the emissions of the words [start, end), a score per tag. Shape: [K]."""
    transitions: list[tuple[int, Floats]]
    """For the transitions into a word, which is not the first of its sentence. Shape: [K, K]."""


def edited(chain: Chain, edits: Edits) -> Chain:
    """Return the chain with the edits added, in float64. Other scores are unchanged, to the bit.

    Shared transitions are copied for each word only if some are edited.
    """
    emissions, transitions, start, end = (scores.astype(np.float64) for scores in chain)
    for first, after, scores in edits.emissions:
        emissions[first:after] += scores
    if edits.transitions:
        transitions = np.array(np.broadcast_to(transitions, (len(emissions), *transitions.shape[-2:])))
        for word, steps in edits.transitions:
            transitions[word] += steps
    return Chain(emissions, transitions, start, end)
