"""From emissions to tags, the same for every engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tagsmith.batching import Batch, Ids, Steps, cut
from tagsmith.kernels import reference
from tagsmith.kernels.reference import Floats
from tagsmith.schemes import allowed_steps
from tagsmith.store import Model

_BUDGET = 4_096  # words in a batch, counted as if padded


def tag_sentences(sentences: Sequence[Sequence[str]], model: Model, decode: Callable[[Batch], Ids]) -> list[list[str]]:
    """The tags of each sentence, none of them empty; sentences of like length share a batch.

    Args:
        decode: what gives the tag ids of a batch. Shape: [N].
    """
    result: list[list[str]] = [[]] * len(sentences)
    for places in cut([len(sentence) for sentence in sentences], _BUDGET):
        batch = model.alphabets.batch([sentences[i] for i in places])
        path = np.split(decode(batch), np.cumsum(batch.lengths)[:-1])
        for i, ids in zip(places, path, strict=True):
            result[i] = [model.tags[k] for k in ids]
    return result


class Decoder:
    """The chain of a model with every step its scheme forbids at -inf.

    In float64: over many thousand tokens the rounding of float32 would pick another path.
    """

    def __init__(self, model: Model) -> None:
        start, step, end = allowed_steps(model.config.scheme, model.tags)
        weights = {name: array.astype(np.float64) for name, array in model.weights.items() if "transitions" in name}
        self.start = np.where(start, weights["head.start_transitions"], -np.inf)
        self.transitions = np.where(step, weights["head.transitions"], -np.inf)
        self.end = np.where(end, weights["head.end_transitions"], -np.inf)

    def __call__(self, emissions: Floats, steps: Steps) -> Ids:
        """Tag ids of the best legal paths. Shape: emissions [N, K] -> [N], both in the order of the batch."""
        order = steps.order[0]
        path = np.empty(len(emissions), np.int64)
        path[order] = reference.viterbi(emissions[order], self.transitions, self.start, self.end, steps.counts)
        return path
