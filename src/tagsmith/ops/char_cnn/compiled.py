"""A convolution over each word's characters and its maximum over time, as compiled kernels with their gradients."""

from __future__ import annotations

import numpy as np

from tagsmith.ops.simd.compiling import kernel
from tagsmith.ops.simd.tiles import product, whole_vectors
from tagsmith.tensors import Floats, Ids


@kernel
def unfold(embedded: Floats, word_lengths: Ids, window: int) -> Floats:
    """Return the window of each character: itself and its neighbours in its word, zeros outside the word.

    Shape: embedded [C, D], word_lengths [U] -> [C, window * D].
    """
    chars, dim = embedded.shape
    windows = np.zeros((chars, window * dim), np.float32)
    start = 0
    for length in word_lengths:
        for char in range(start, start + length):
            for k in range(window):
                neighbour = char + k - window // 2
                if start <= neighbour < start + length:
                    for d in range(dim):
                        windows[char, k * dim + d] = embedded[neighbour, d]
        start += length
    return windows


@kernel
def convolve_max(windows: Floats, word_lengths: Ids, weight: Floats, bias: Floats) -> tuple[Floats, Ids]:
    """Return each filter's maximum over each word, and the first character that has it. NaN is above all numbers.

    Shape: windows [C, window * D], word_lengths [U], weight [panels, window * D, PANEL] (see ``tiles.pack``), bias [F]
    -> [U, F], [U, F].
    """
    filters = len(bias)
    biases = np.zeros(whole_vectors(filters), np.float32)
    biases[:filters] = bias
    filtered = product(windows, weight, biases)
    highest = np.empty((len(word_lengths), filters), np.float32)
    argmax = np.empty((len(word_lengths), filters), np.int64)
    start = 0
    for u in range(len(word_lengths)):
        highest[u], argmax[u] = filtered[start, :filters], start
        for char in range(start + 1, start + word_lengths[u]):
            for f in range(filters):
                now = filtered[char, f]
                if now > highest[u, f] or (np.isnan(now) and not np.isnan(highest[u, f])):
                    highest[u, f], argmax[u, f] = now, char
        start += word_lengths[u]
    return highest, argmax


@kernel
def max_gradient(grad: Floats, argmax: Ids, chars: int) -> Floats:
    """Return the gradient of every filter at every character: that of its maximum there, and 0 elsewhere.

    Shape: grad and argmax [U, F] -> [C, F].
    """
    grad_filtered = np.zeros((chars, grad.shape[1]), np.float32)
    for u in range(len(grad)):
        for f in range(grad.shape[1]):
            grad_filtered[argmax[u, f], f] = grad[u, f]
    return grad_filtered


@kernel
def unfold_gradient(grad_windows: Floats, word_lengths: Ids, window: int) -> Floats:
    """Return the gradient of embedded characters, given that of their windows. Shape: [C, window * D] -> [C, D]."""
    chars, wide = grad_windows.shape
    dim = wide // window
    grad_embedded = np.zeros((chars, dim), np.float32)
    start = 0
    for length in word_lengths:
        for char in range(start, start + length):
            for k in range(window):
                neighbour = char + k - window // 2
                if start <= neighbour < start + length:
                    for d in range(dim):
                        grad_embedded[neighbour, d] += grad_windows[char, k * dim + d]
        start += length
    return grad_embedded
