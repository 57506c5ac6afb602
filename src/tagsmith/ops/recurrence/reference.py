"""The recurrences in plain NumPy, written to be read. Every faster implementation is compared with them.

They read one direction, from initial state 0, and are given the input product x · input_weight + bias of every word.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tagsmith.tensors import Floats


def lstm(products: Floats, state_weight: Floats, counts: Sequence[int]) -> Floats:
    """Return the hidden states of an LSTM after each word.

    The gates are in the order input, forget, output, candidate.

    Shape: products [N, 4H] in order of time (see ``Steps``), state_weight [H, 4H], counts [T] -> [N, H].
    Source: Ma and Hovy 2016, §2.2 (no peepholes).
    """
    size = state_weight.shape[0]
    hidden = np.empty((len(products), size), products.dtype)
    h = np.zeros((counts[0], size), products.dtype)
    c = np.zeros((counts[0], size), products.dtype)
    for step, count in zip(_slices(counts), counts, strict=True):
        gates = products[step] + h[:count] @ state_weight
        i, f, o = np.split(sigmoid(gates[:, : 3 * size]), 3, axis=1)
        c = f * c[:count] + i * np.tanh(gates[:, 3 * size :])
        h = hidden[step] = o * np.tanh(c)
    return hidden


def gru(products: Floats, state_weight: Floats, counts: Sequence[int]) -> Floats:
    """Return the hidden states of a GRU after each word.

    The gates are in the order reset r, update z, candidate n. As in PyTorch, r applies to the candidate's state
    product, n = tanh(W x + b + r ⊙ U h), and z keeps the old state: h = (1 - z) ⊙ n + z ⊙ h. There is no bias on U h.

    Shape: products [N, 3H] in order of time (see ``Steps``), state_weight [H, 3H], counts [T] -> [N, H].
    Source: Cho et al. 2014, §2.3, with r after the product as in PyTorch's ``GRU``.
    """
    size = state_weight.shape[0]
    hidden = np.empty((len(products), size), products.dtype)
    h = np.zeros((counts[0], size), products.dtype)
    for step, count in zip(_slices(counts), counts, strict=True):
        h = h[:count]
        x_r, x_z, x_n = np.split(products[step], 3, axis=1)
        h_r, h_z, h_n = np.split(h @ state_weight, 3, axis=1)
        r, z = sigmoid(x_r + h_r), sigmoid(x_z + h_z)
        n = np.tanh(x_n + r * h_n)
        h = hidden[step] = (1 - z) * n + z * h
    return hidden


def rnn(products: Floats, state_weight: Floats, counts: Sequence[int]) -> Floats:
    """Return the hidden states of a plain RNN after each word: h = tanh(input product + h before · state_weight).

    Shape: products [N, H] in order of time (see ``Steps``), state_weight [H, H], counts [T] -> [N, H].
    Source: Elman 1990; the recurrence of the BRNN in Ma and Hovy 2016, §3.4.
    """
    hidden = np.empty_like(products)
    h = np.zeros((counts[0], products.shape[1]), products.dtype)
    for step, count in zip(_slices(counts), counts, strict=True):
        h = hidden[step] = np.tanh(products[step] + h[:count] @ state_weight)
    return hidden


def sigmoid(x: Floats) -> Floats:
    """Return 1 / (1 + exp(-x)), computed from tanh so that nothing overflows."""
    return 0.5 * np.tanh(0.5 * x) + 0.5


def _slices(counts: Sequence[int]) -> list[slice]:
    """The places of each step."""
    ends = np.cumsum(counts).tolist()
    return [slice(end - count, end) for end, count in zip(ends, counts, strict=True)]
