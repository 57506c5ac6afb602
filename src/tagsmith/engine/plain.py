"""The plain engine: NumPy and the reference kernels alone; quick to start, and what the others are compared with."""

from __future__ import annotations

import numpy as np

from tagsmith.batching import Batch, Steps, time_steps
from tagsmith.config import CharCNNConfig, NoCharsConfig
from tagsmith.engine import forking
from tagsmith.engine.decoding import Decoder
from tagsmith.engine.head_chain import chain_of
from tagsmith.ops.chain import reference
from tagsmith.ops.chain.types import Chain
from tagsmith.ops.char_cnn import reference as char_cnn_reference
from tagsmith.ops.recurrence import reference as recurrence_reference
from tagsmith.store import Model, layer_names
from tagsmith.tensors import Floats, Ids


class NumpyEngine:
    """Runs a model with the reference kernels. It holds nothing that a call changes: threads can share it."""

    parallel = False
    precision = "fp32"

    def __init__(self, model: Model) -> None:
        self.config, self.weights = model.config, model.weights
        self.read = model.alphabets.batch
        self.decoder = Decoder(model.config, model.tags, reference)

    def chain(self, batch: Batch) -> Chain:
        """What every path of every sentence scores, in float32."""
        with forking.products:
            return self._chain(batch)

    def _chain(self, batch: Batch) -> Chain:
        steps, encoder = time_steps(batch.lengths), self.config.encoder
        # Without context a word's input product depends on the word alone: once per distinct word.
        word_of = np.empty(len(batch.word_lengths), np.int64)
        word_of[batch.spelling] = batch.words
        inputs = np.concatenate([self.weights["words.vectors"][word_of], self._spelled(batch)], 1)
        which = batch.spelling
        for layer in layer_names(encoder):
            inputs = self._states(layer, encoder.kind, inputs, which, steps)
            which = np.arange(len(inputs))
        scores = inputs @ self.weights["head.weight"].T + self.weights["head.bias"]
        return chain_of(scores, batch.lengths, self.config.head, self.weights)

    def _spelled(self, batch: Batch) -> Floats:
        """Spelling vectors. Shape: [U, F]."""
        settings, weights, lengths = self.config.chars, self.weights, batch.word_lengths
        if isinstance(settings, NoCharsConfig):
            return np.empty((len(lengths), 0), np.float32)
        vectors = weights["chars.vectors"]
        if isinstance(settings, CharCNNConfig):
            convolution = weights["chars.weight"], weights["chars.bias"], settings.activation
            return char_cnn_reference.char_cnn(batch.chars, lengths, vectors, *convolution)
        states = self._states("chars", "lstm", vectors, batch.chars, time_steps(lengths))
        last = np.cumsum(lengths) - 1
        first = last - lengths + 1
        return np.concatenate([states[last, : settings.size], states[first, settings.size :]], 1)

    def _states(self, layer: str, kind: str, inputs: Floats, which: Ids, steps: Steps) -> Floats:
        """States of a layer that reads ``inputs[which]`` both ways; each input is multiplied once. Shape: [N, 2H]."""
        recurrence = {"lstm": recurrence_reference.lstm, "rnn": recurrence_reference.rnn}[kind]
        input_weight, state_weight, bias = (
            self.weights[f"{layer}.{name}"] for name in ("input_weight", "state_weight", "bias")
        )
        both = []
        for direction, order in enumerate(steps.order):
            products = inputs @ input_weight[direction] + bias[direction]
            hidden = recurrence(products[which[order]], state_weight[direction], steps.counts)
            in_order = np.empty_like(hidden)
            in_order[order] = hidden
            both.append(in_order)
        return np.concatenate(both, 1)
