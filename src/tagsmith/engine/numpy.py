"""The plain engine: NumPy alone, on any machine."""

from __future__ import annotations

import numpy as np

from tagsmith.batching import Batch, Ids, time_steps
from tagsmith.engine.decoding import Decoder
from tagsmith.kernels import reference
from tagsmith.kernels.reference import Floats
from tagsmith.store import Model


class NumpyEngine:
    """Runs a model with the reference kernels."""

    def __init__(self, model: Model) -> None:
        self.weights = model.weights
        self.decoder = Decoder(model)

    def emissions(self, batch: Batch) -> Floats:
        """Scores of every tag at every word. Shape: [N, K], float32."""
        weights, steps = self.weights, time_steps(batch.lengths)
        spelled = reference.char_cnn(
            batch.chars,
            batch.word_lengths,
            weights["chars.vectors"],
            weights["chars.weight"],
            weights["chars.bias"],
        )
        # Without context a word's input product depends on the word alone: once per distinct word.
        word_of = np.empty(len(batch.word_lengths), np.int64)
        word_of[batch.spelling] = batch.words
        distinct = np.concatenate([weights["words.vectors"][word_of], spelled], 1)
        encoded = []
        for direction, order in enumerate(steps.order):
            products = distinct @ weights["encoder.input_weight"][direction] + weights["encoder.bias"][direction]
            inputs = products[batch.spelling[order]]
            hidden = reference.lstm(inputs, weights["encoder.state_weight"][direction], steps.counts)
            in_order = np.empty_like(hidden)
            in_order[order] = hidden
            encoded.append(in_order)
        return np.concatenate(encoded, 1) @ weights["head.weight"].T + weights["head.bias"]

    def decode(self, batch: Batch) -> Ids:
        """Tag ids of the best legal path of each sentence. Shape: [N]."""
        return self.decoder(self.emissions(batch), time_steps(batch.lengths))
