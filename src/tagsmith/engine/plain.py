"""The plain engine: NumPy and the reference kernels. It starts fast, and the other engines are compared with it."""

from __future__ import annotations

import numpy as np

from tagsmith.batching import Batch, Steps, time_steps
from tagsmith.config import CharCNNConfig, NoCharsConfig
from tagsmith.engine.decoding import Decoder
from tagsmith.engine.forking import fork_lock
from tagsmith.engine.head_chain import chain_of
from tagsmith.ops.chain import reference
from tagsmith.ops.chain.types import Chain
from tagsmith.ops.char_cnn.reference import char_cnn
from tagsmith.ops.recurrence.kinds import KINDS
from tagsmith.store import Model, layer_names
from tagsmith.tensors import Floats, Ids


class NumpyEngine:
    """Runs a model with the reference kernels. No call changes it, so threads can share it."""

    parallel = False
    precision = "fp32"

    def __init__(self, model: Model) -> None:
        self.config, self.weights = model.config, model.weights
        self.read = model.alphabets.batch
        self.decoder = Decoder(model.config, model.tags, reference)

    def chain(self, batch: Batch) -> Chain:
        """Return the chain of scores over every sentence, in float32."""
        with fork_lock:
            return self._chain(batch)

    def _chain(self, batch: Batch) -> Chain:
        steps, encoder = time_steps(batch.lengths), self.config.encoder
        # A word's input product does not depend on its context: it is computed once per distinct word.
        word_of = np.empty(len(batch.word_lengths), np.int64)
        word_of[batch.spelling] = batch.words
        inputs = np.concatenate([self.weights["words.vectors"][word_of], self._spelled(batch)], 1)
        row_of = batch.spelling
        for layer in layer_names(encoder):
            inputs = self._states(layer, encoder.kind, inputs, row_of, steps)
            row_of = np.arange(len(inputs))
        scores = inputs @ self.weights["head.weight"].T + self.weights["head.bias"]
        return chain_of(scores, batch.lengths, self.config.head, self.weights)

    def _spelled(self, batch: Batch) -> Floats:
        """Return the spelling vectors of distinct words. Shape: [U, F]."""
        settings, weights, lengths = self.config.chars, self.weights, batch.word_lengths
        if isinstance(settings, NoCharsConfig):
            return np.empty((len(lengths), 0), np.float32)
        vectors = weights["chars.vectors"]
        if isinstance(settings, CharCNNConfig):
            convolution = weights["chars.weight"], weights["chars.bias"], settings.activation
            return char_cnn(batch.chars, lengths, vectors, *convolution)
        states = self._states("chars", "lstm", vectors, batch.chars, time_steps(lengths))
        last = np.cumsum(lengths) - 1
        first = last - lengths + 1
        return np.concatenate([states[last, : settings.size], states[first, settings.size :]], 1)

    def _states(self, layer: str, kind: str, inputs: Floats, row_of: Ids, steps: Steps) -> Floats:
        """Return a layer's states after reading ``inputs[row_of]`` both ways. Each input is multiplied once.

        Shape: inputs [·, D], row_of [N] -> [N, 2H].
        """
        recurrence = KINDS[kind].reference
        input_weight, state_weight, bias = (
            self.weights[f"{layer}.{name}"] for name in ("input_weight", "state_weight", "bias")
        )
        both = []
        for direction, order in enumerate(steps.order):
            products = inputs @ input_weight[direction] + bias[direction]
            hidden = recurrence(products[row_of[order]], state_weight[direction], steps.counts)
            in_batch = np.empty_like(hidden)
            in_batch[order] = hidden
            both.append(in_batch)
        return np.concatenate(both, 1)
