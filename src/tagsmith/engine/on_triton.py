"""The engine for GPUs: Triton kernels, and a cache on the device of what depends on a word alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from tagsmith.batching import Alphabets, Batch
from tagsmith.config import Config
from tagsmith.engine.decoding import ChainScores, Decoder
from tagsmith.engine.word_cache import WordInputCache
from tagsmith.gpu.decoder import ConstraintScores
from tagsmith.gpu.device_corpus import to_device
from tagsmith.gpu.network import StackedChains, head, layer_products, layer_states, layer_weights, word_inputs
from tagsmith.ops.chain import compiled as chain
from tagsmith.ops.chain import on_triton as device_chain
from tagsmith.ops.chain.types import Chain
from tagsmith.store import Model, layer_names
from tagsmith.tensors import Floats, Ids

_PRODUCTS = 2**30  # bytes for the products of words: 167,000 words at two directions of 200 units


class DeviceWordRows(NamedTuple):
    """Sentences as rows of a table of the first layer's products."""

    products: Tensor
    """Shape: [·, 2 * GH], on the device."""
    row_of: Ids
    """The row of each word. Shape: [N]."""
    lengths: Ids
    """Words in each sentence. Shape: [B]."""


class TritonEngine:
    """Runs a model in float32. Threads can share it: one prepares its batch while another waits for the device."""

    parallel = True
    precision = "fp32"

    def __init__(self, model: Model, device: str) -> None:
        self.config = model.config
        self._weights = {
            name: torch.from_numpy(np.array(weight, np.float32)).to(device)[None]
            for name, weight in model.weights.items()
        }
        self._device = torch.device(device)
        width = self._weights["encoder.bias"].numel()
        # Not a method of the engine: that would be a reference cycle, which keeps a used engine in memory.
        compute = _Products(model.config, self._weights, model.alphabets)
        self._words = WordInputCache(
            model.alphabets, compute, lambda rows: torch.empty(rows, width, device=device), _PRODUCTS // (4 * width)
        )
        self.decoder: Decoder = DeviceDecoder(model.config, model.tags, self._device)

    def read(self, sentences: Sequence[Sequence[str]]) -> DeviceWordRows:
        """Return non-empty sentences of N words in all as rows of a table, which grows with the words seen."""
        return DeviceWordRows(
            *self._words.rows(sentences), np.array([len(sentence) for sentence in sentences], np.int64)
        )

    @torch.inference_mode()
    def chain(self, batch: DeviceWordRows) -> DeviceChain:
        """Return the chain of scores over every sentence, in float32, on the device."""
        lengths = torch.from_numpy(batch.lengths).to(self._device)[None].int()
        starts = (lengths.cumsum(1) - lengths).int()
        rows = batch.products[torch.from_numpy(batch.row_of).to(self._device)]
        products = rows.view(len(rows), 2, -1).transpose(0, 1)[None]
        kind = self.config.encoder.kind
        first, *others = (layer_weights(self._weights, name) for name in layer_names(self.config.encoder))
        states = layer_states(kind, first, products, starts, lengths)
        for layer in others:
            states = layer_states(kind, layer, layer_products(layer, states), starts, lengths)
        scores = head(self._weights, self.config.head, states, starts, lengths)
        return DeviceChain(scores, starts, lengths)


class DeviceChain:
    """A chain on a device. Its arrays are copied to the host when one of them is first read."""

    def __init__(self, scores: StackedChains, starts: Tensor, lengths: Tensor) -> None:
        self.scores, self.starts, self.lengths = scores, starts, lengths

    @cached_property
    def host(self) -> Chain:
        """The chain on the host."""
        return Chain(*(part[0].cpu().numpy() for part in self.scores))

    @property
    def emissions(self) -> Floats:
        """Shape: [N, K]."""
        return self.host.emissions

    @property
    def transitions(self) -> Floats:
        """Shape: [K, K] or [N, K, K]."""
        return self.host.transitions

    @property
    def start_transitions(self) -> Floats:
        """Shape: [K]."""
        return self.host.start_transitions

    @property
    def end_transitions(self) -> Floats:
        """Shape: [K]."""
        return self.host.end_transitions

    def __iter__(self) -> Iterator[Floats]:
        return iter(self.host)


class DeviceDecoder(Decoder):
    """Finds best paths on the device. All other results come from the chain's arrays on the host, in compiled code."""

    def __init__(self, config: Config, tags: Sequence[str], device: torch.device) -> None:
        super().__init__(config, tags, chain)
        self._constraints = ConstraintScores.from_allowed(self.allowed, device)

    def viterbi(self, chain: ChainScores, lengths: Ids) -> Ids:
        """Return the tag ids of each sentence's best path. Shape: lengths [B] -> [N]."""
        if not isinstance(chain, DeviceChain):  # edited by rules
            return super().viterbi(chain, lengths)
        with torch.inference_mode():
            scores = self._constraints.constrain(chain.scores)
            path = device_chain.viterbi(*scores, chain.starts, chain.lengths)
            return path[0].cpu().numpy().astype(np.int64)


class _Products:
    """Computes the first layer's products of words, given their ids and characters."""

    def __init__(self, config: Config, weights: dict[str, Tensor], alphabets: Alphabets) -> None:
        self._config, self._weights, self._alphabet = config, weights, len(alphabets.chars)

    @torch.inference_mode()
    def __call__(self, words: Ids, chars: Ids, lengths: Ids) -> Tensor:
        """Shape: words [U], chars [C], lengths [U] -> [U, 2 * GH]."""
        one = Batch(words, np.arange(len(words)), chars, lengths, np.array([len(words)]))
        device = self._weights["words.vectors"].device
        corpus = to_device(one, self._config.chars, self._alphabet, device)
        sentence = np.zeros((1, 1), np.int64)
        batch = corpus.batch(torch.from_numpy(sentence).to(device), corpus.batch_shape(sentence))
        inputs = word_inputs(self._weights, self._config, batch)[:, : len(words)]
        return layer_products(layer_weights(self._weights, "encoder"), inputs)[0].transpose(0, 1).flatten(1)
