"""What is added to a chain's scores at some of its words: -inf forbids, any other number prefers or shuns."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tagsmith.ops.chain.types import Chain
from tagsmith.tensors import Floats


class Edits(NamedTuple):
    """Scores to be added to the chain of a batch."""

    emissions: list[tuple[int, int, Floats]]
    """To the emissions of the words [start, end), for each tag. Shape: [K]."""
    transitions: list[tuple[int, Floats]]
    """To the transitions that come to a word, which is not the first of its sentence. Shape: [K, K]."""


def edited(chain: Chain, edits: Edits) -> Chain:
    """Return the chain with the edits added, in float64. What was not edited has the scores it had, to the bit.

    Transitions shared by all words become each word's own only if some are edited.
    """
    emissions, transitions, start, end = (scores.astype(np.float64) for scores in chain)
    for first, after, scores in edits.emissions:
        emissions[first:after] += scores
    if edits.transitions:
        transitions = np.array(np.broadcast_to(transitions, (len(emissions), *transitions.shape[-2:])))
        for word, steps in edits.transitions:
            transitions[word] += steps
    return Chain(emissions, transitions, start, end)
