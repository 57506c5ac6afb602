"""Recurrent layers in plain NumPy, written to be read: what every faster kernel is compared with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tagsmith.tensors import Floats


def lstm(inputs: Floats, state_weight: Floats, counts: Sequence[int]) -> Floats:
    """Hidden states of an LSTM from initial state 0, given the input product of every word.

    Shape: inputs [N, 4H] in order of time (see ``Steps``), state_weight [H, 4H], counts [T] -> [N, H].
    The gates stand in the order input, forget, output, candidate.
    Source: Ma and Hovy 2016, §2.2 (no peepholes).
    """
    size = state_weight.shape[0]
    hidden = np.empty((len(inputs), size), inputs.dtype)
    h = np.zeros((counts[0], size), inputs.dtype)
    c = np.zeros((counts[0], size), inputs.dtype)
    end = 0
    for count in counts:
        start, end = end, end + count
        gates = inputs[start:end] + h[:count] @ state_weight
        i, f, o = np.split(sigmoid(gates[:, : 3 * size]), 3, axis=1)
        c = f * c[:count] + i * np.tanh(gates[:, 3 * size :])
        h = o * np.tanh(c)
        hidden[start:end] = h
    return hidden


def rnn(inputs: Floats, state_weight: Floats, counts: Sequence[int]) -> Floats:
    """Hidden states of a plain RNN, h = tanh(input product + h before · state_weight), from initial state 0.

    Shape: inputs [N, H] in order of time (see ``Steps``), state_weight [H, H], counts [T] -> [N, H].
    Source: Elman 1990; the recurrence of the BRNN in Ma and Hovy 2016, §3.4.
    """
    hidden = np.empty_like(inputs)
    h = np.zeros((counts[0], inputs.shape[1]), inputs.dtype)
    for step in _slices(counts):
        h = hidden[step] = np.tanh(inputs[step] + h[: step.stop - step.start] @ state_weight)
    return hidden


def sigmoid(x: Floats) -> Floats:
    """1 / (1 + exp(-x)), through tanh so that nothing overflows."""
    return 0.5 * np.tanh(0.5 * x) + 0.5


def _slices(counts: Sequence[int]) -> list[slice]:
    ends = np.cumsum(counts).tolist()
    return [slice(end - count, end) for end, count in zip(ends, counts, strict=True)]
