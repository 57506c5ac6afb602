"""Turn a head's scores into a chain, for every engine without PyTorch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagsmith.config import CRFConfig, SoftmaxConfig
from tagsmith.ops.chain.types import Chain
from tagsmith.tensors import Floats, Ids


def chain_of(
    scores: Floats, lengths: Ids, head: CRFConfig | SoftmaxConfig, weights: Mapping[str, NDArray[Any]]
) -> Chain:
    """Return the chain over sentences of these lengths, from the head's scores. Shape: [N, rows of head.weight]."""
    if not isinstance(head, CRFConfig):
        tags = scores.shape[1]
        return Chain(scores, *(np.zeros(shape, np.float32) for shape in ((tags, tags), tags, tags)))
    end = weights["head.end_transitions"]
    if head.potentials == "shared":
        return Chain(scores, weights["head.transitions"], weights["head.start_transitions"], end)
    tags = len(end)
    after, at_start = np.split(scores, [tags * tags], 1)
    emissions = np.zeros_like(at_start)
    first = np.cumsum(lengths) - lengths
    emissions[first] = at_start[first]
    return Chain(emissions, after.reshape(-1, tags, tags), np.zeros_like(end), end)
