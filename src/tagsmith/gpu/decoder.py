"""The best paths of whole corpora, under several networks at once."""

from __future__ import annotations

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


@torch.no_grad()
def best_paths(weights: Weights, config: Config, corpus: DeviceCorpus, allowed: Allowed) -> Ids:
    """Tag ids of every sentence's best allowed path. Shape: [S, T], by the words' places in the corpus."""
    device = corpus.lengths.device
    networks = len(next(iter(weights.values())))
    paths = torch.zeros(networks, len(corpus.words), dtype=torch.int32, device=device)
    steps = masks(allowed, device)
    for group in cut(corpus.size[: corpus.none].tolist(), _BATCH):
        chosen, words = np.array(group), int(corpus.size[group].sum())
        batch = corpus.batch(torch.from_numpy(chosen).to(device).expand(networks, -1), corpus.room(chosen))
        path = viterbi(*only(chains(weights, config, batch), *steps), batch.starts, batch.lengths)
        paths[:, batch.places[0, :words]] = path[:, :words]
    return paths.cpu().numpy()


def masks(allowed: Allowed, device: torch.device) -> list[Tensor]:
    """0 for a step that is allowed and -inf for others. Shape: [K], [K, K], [K], float64."""
    return [torch.from_numpy(np.where(steps, 0.0, -np.inf)).to(device) for steps in allowed]


def only(scores: StackedChains, start: Tensor, step: Tensor, end: Tensor) -> StackedChains:
    """The chains with 0 or -inf added to their steps, in float64, where ties and near ties come out as on a CPU.

    Shape: start [K], step [K, K], end [K].
    """
    emissions, transitions, starts, ends = (part.double() for part in scores)
    return StackedChains(emissions, transitions + step, starts + start, ends + end)
