"""The best paths of whole corpora, under several networks at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from tagsmith.batching import cut
from tagsmith.config import Config
from tagsmith.gpu.device_corpus import DeviceCorpus
from tagsmith.gpu.network import StackedChains, Weights, chains
from tagsmith.ops.chain.on_triton import viterbi
from tagsmith.ops.chain.types import Allowed
from tagsmith.tensors import Ids

_BATCH = 16_384  # words, counted as if padded


class ConstraintScores(NamedTuple):
    """The scores that rule out forbidden steps: 0 for an allowed one and -inf for others, in float64, on a device."""

    start: Tensor
    """Shape: [K]."""
    step: Tensor
    """Shape: [K, K]."""
    end: Tensor
    """Shape: [K]."""

    @classmethod
    def from_allowed(cls, allowed: Allowed, device: torch.device) -> ConstraintScores:
        """Return the scores of these allowed steps."""
        return cls(*(torch.from_numpy(np.where(steps, 0.0, -np.inf)).to(device) for steps in allowed))

    def constrain(self, scores: StackedChains) -> StackedChains:
        """Return the chains without forbidden steps, in float64, where ties and near ties come out as on a CPU."""
        emissions, transitions, start, end = (part.double() for part in scores)
        return StackedChains(emissions, transitions + self.step, start + self.start, end + self.end)


@torch.no_grad()
def best_paths(weights: Weights, config: Config, corpus: DeviceCorpus, allowed: Allowed) -> Ids:
    """Return the tag ids of every sentence's best allowed path. Shape: [S, T], in the order of the corpus."""
    device = corpus.lengths.device
    networks = len(next(iter(weights.values())))
    paths = torch.zeros(networks, len(corpus.words), dtype=torch.int32, device=device)
    constraints = ConstraintScores.from_allowed(allowed, device)
    for group in cut(corpus.size[: corpus.padding].tolist(), _BATCH):
        chosen, words = np.array(group), int(corpus.size[group].sum())
        batch = corpus.batch(torch.from_numpy(chosen).to(device).expand(networks, -1), corpus.batch_shape(chosen))
        scores = constraints.constrain(chains(weights, config, batch))
        path = viterbi(*scores, batch.starts, batch.lengths)
        paths[:, batch.places[0, :words]] = path[:, :words]
    return paths.cpu().numpy()
