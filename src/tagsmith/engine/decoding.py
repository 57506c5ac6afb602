"""From emissions to tags, the same for every engine."""

from __future__ import annotations

import numpy as np

from tagsmith.batching import Ids, Steps
from tagsmith.kernels import reference
from tagsmith.kernels.reference import Floats
from tagsmith.schemes import allowed_steps
from tagsmith.store import Model


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
