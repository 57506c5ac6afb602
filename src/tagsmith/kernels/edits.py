"""What is added to a chain's scores at some of its words: -inf forbids, any other number prefers or shuns."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tagsmith.kernels.reference import Allowed, Bools, Chain, Floats, Ids


class Edits(NamedTuple):
    """Scores to be added to the chain of a batch."""

    emissions: list[tuple[int, int, Floats]]
    """To the emissions of the words [start, end), for each tag. Shape: [K]."""
    transitions: list[tuple[int, Floats]]
    """To the transitions that come to a word, which is not the first of its sentence. Shape: [K, K]."""


def edited(chain: Chain, edits: Edits) -> Chain:
    """The chain with the edits added, in float64. What was not edited has the scores it had, to the bit.

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


def are_possible(path: Ids, chain: Chain, allowed: Allowed, lengths: Ids) -> Bools:
    """Whether each sentence's path has a score above -inf; where the best one has not, no path has. Shape: [B]."""
    first = np.cumsum(lengths) - lengths
    last = first + lengths - 1
    possible = chain.emissions[np.arange(len(path)), path] > -np.inf
    possible[first] &= (allowed.start & (chain.start_transitions > -np.inf))[path[first]]
    possible[last] &= (allowed.end & (chain.end_transitions > -np.inf))[path[last]]
    words = np.delete(np.arange(len(path)), first)
    before, after = path[words - 1], path[words]
    steps = chain.transitions[before, after] if chain.transitions.ndim == 2 else chain.transitions[words, before, after]
    possible[words] &= allowed.step[before, after] & (steps > -np.inf)
    return np.logical_and.reduceat(possible, first)
