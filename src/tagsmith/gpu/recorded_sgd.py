"""Stochastic gradient descent with momentum and clipping, for S networks side by side on one device.

A step is a fixed sequence of kernels for each shape of batch. On a GPU it is recorded once, as a CUDA graph, and then
replayed: the host only chooses the next sentences. Every step updates all rows of the word vectors, which costs less on
a GPU than finding the rows that need it. ``ops.sgd.on_torch`` does the same row by row.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from tagsmith.batching import UNKNOWN
from tagsmith.gpu.device_corpus import BatchShape, DeviceCorpus
from tagsmith.gpu.network import loss
from tagsmith.ops.dropout.philox import PhiloxRandom
from tagsmith.store import Model

_TABLE = "words.vectors"


class RecordedSGD:
    """The weights and velocities of S networks with the same settings, and the steps that update them."""

    def __init__(self, models: Sequence[Model], corpus: DeviceCorpus, tags: Tensor, unknown_rates: Tensor) -> None:
        """
        Args:
            models: the start of each network.
            corpus: the training data, on their device.
            tags: the tag id of each word of the corpus. Shape: [T].
            unknown_rates: the rate at which each word is replaced by the unknown word. Shape: [trained].
        """
        first, device = models[0], tags.device
        self.config, self.networks = first.config, len(models)
        self.device = device
        self._corpus, self._tags, self._unknown_rates = corpus, tags, unknown_rates.float()
        self._shapes = {name: weight.shape for name, weight in first.weights.items() if name != _TABLE}
        trained = first.alphabets.trained
        table = np.stack([np.asarray(model.weights[_TABLE][:trained], np.float32) for model in models])
        rest = np.stack([np.concatenate([model.weights[name].ravel() for name in self._shapes]) for model in models])
        self._weights = [torch.from_numpy(block).to(device).requires_grad_() for block in (table, rest)]
        self._velocities = [torch.zeros_like(block) for block in self._weights]
        self.rate = torch.zeros((), device=device)
        """The learning rate of the next steps."""
        self.losses = torch.zeros(self.networks, device=device)
        """The sum of the losses of all sentences since it was last zeroed. Shape: [S]."""
        batch = self.config.training.batch_size
        self._next = torch.zeros(self.networks, 1 + batch, dtype=torch.int64, device=device)
        self._graphs: dict[BatchShape, torch.cuda.CUDAGraph] = {}
        self._pool = torch.cuda.graph_pool_handle() if device.type == "cuda" else None

    def weights(self) -> dict[str, Tensor]:
        """Return all networks' weights by name, with S in front of their shapes."""
        return self._by_name(self._weights)

    def state_of(self, network: int) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return views of one network's weights and velocities, by name."""
        blocks = [block.detach() for block in self._weights], self._velocities
        weights, velocities = map(self._by_name, blocks)
        return {name: w[network] for name, w in weights.items()}, {name: v[network] for name, v in velocities.items()}

    def step(self, chosen: Tensor, shape: BatchShape) -> None:
        """Update each network by one batch.

        Args:
            chosen: for each network a seed and the numbers of its sentences. Shape: [S, 1 + B], int64.
            shape: a shape that holds every batch (see ``DeviceCorpus.batch_shape``).
        """
        self._next.copy_(chosen)
        if self.device.type != "cuda":
            self._update(shape)
            return
        if shape not in self._graphs:
            self._graphs[shape] = self._record(shape)
        self._graphs[shape].replay()

    def _update(self, shape: BatchShape) -> None:
        random, batch = PhiloxRandom(self._next[:, 0].contiguous()), self._corpus.batch(self._next[:, 1:], shape)
        unknown = random.uniform(shape.words, 1)[..., 0] < self._unknown_rates[batch.words]
        batch = batch._replace(words=torch.where(unknown, UNKNOWN, batch.words))
        with torch.enable_grad():
            losses = loss(self.weights(), self.config, batch, self._tags[batch.places], random)
            gradients = torch.autograd.grad(losses.sum(), self._weights)
        settings = self.config.training
        with torch.no_grad():
            norm = sum(gradient.flatten(1).square().sum(1) for gradient in gradients) ** 0.5
            scale = (settings.clip / (norm + 1e-6)).clamp(max=1.0)
            for weights, velocity, gradient in zip(self._weights, self._velocities, gradients, strict=True):
                velocity.mul_(settings.momentum).add_(gradient * scale.view(-1, *[1] * (gradient.dim() - 1)))
                weights.sub_(velocity * self.rate)
            self.losses.add_(losses * (batch.lengths > 0).sum(1))

    def _record(self, shape: BatchShape) -> torch.cuda.CUDAGraph:
        """Record the graph of a step. The step runs once first, to compile its kernels, and is then undone."""
        state = [*self._weights, *self._velocities, self.losses]
        before = [tensor.detach().clone() for tensor in state]
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            self._update(shape)
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._pool):
            self._update(shape)
        with torch.no_grad():
            for tensor, kept in zip(state, before, strict=True):
                tensor.copy_(kept)
        return graph

    def _by_name(self, blocks: Sequence[Tensor]) -> dict[str, Tensor]:
        table, rest = blocks
        parts = rest.split([shape.numel() for shape in map(torch.Size, self._shapes.values())], 1)
        named = zip(self._shapes.items(), parts, strict=True)
        return {_TABLE: table, **{name: part.view(len(part), *shape) for (name, shape), part in named}}
