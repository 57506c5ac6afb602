"""A convolution over each word's characters and its maximum over time, forwards and backwards, in compiled code."""

from __future__ import annotations

import numpy as np

from tagsmith.ops.simd.compiling import kernel
from tagsmith.ops.simd.tiles import product, whole_vectors
from tagsmith.tensors import Floats, Ids


@kernel
def windows_of(seen: Floats, word_lengths: Ids, window: int) -> Floats:
    """What a filter sees at each character: it and its neighbours in its word, zeros outside.

    Shape: seen [C, D], word_lengths [U] -> [C, window * D].
    """
    chars, dim = seen.shape
    windows = np.zeros((chars, window * dim), np.float32)
    start = 0
    for length in word_lengths:
        for char in range(start, start + length):
            for k in range(window):
                neighbour = char + k - window // 2
                if start <= neighbour < start + length:
                    for d in range(dim):
                        windows[char, k * dim + d] = seen[neighbour, d]
        start += length
    return windows


@kernel
def convolve_max(windows: Floats, word_lengths: Ids, weight: Floats, bias: Floats) -> tuple[Floats, Ids]:
    """Each filter's maximum over each word, and the first character where it stands; NaN is above all.

    Shape: windows [C, window * D], word_lengths [U], weight [panels, window * D, PANEL] (see ``tiles.pack``), bias [F]
    -> [U, F], [U, F].
    """
    filters = len(bias)
    biases = np.zeros(whole_vectors(filters), np.float32)
    biases[:filters] = bias
    filtered = product(windows, weight, biases)
    highest = np.empty((len(word_lengths), filters), np.float32)
    where = np.empty((len(word_lengths), filters), np.int64)
    start = 0
    for u in range(len(word_lengths)):
        highest[u], where[u] = filtered[start, :filters], start
        for char in range(start + 1, start + word_lengths[u]):
            for f in range(filters):
                now = filtered[char, f]
                if now > highest[u, f] or (np.isnan(now) and not np.isnan(highest[u, f])):
                    highest[u, f], where[u, f] = now, char
        start += word_lengths[u]
    return highest, where


@kernel
def at_maxima(grad: Floats, where: Ids, chars: int) -> Floats:
    """The gradient of every filter at every character: that of its maximum, and zero elsewhere.

    Shape: grad and where [U, F] -> [C, F].
    """
    grad_filtered = np.zeros((chars, grad.shape[1]), np.float32)
    for u in range(len(grad)):
        for f in range(grad.shape[1]):
            grad_filtered[where[u, f], f] = grad[u, f]
    return grad_filtered


@kernel
def windows_gradient(grad_windows: Floats, word_lengths: Ids, window: int) -> Floats:
    """The gradient of what was seen, from that of the windows it was seen in. Shape: [C, window * D] -> [C, D]."""
    chars, wide = grad_windows.shape
    dim = wide // window
    grad_seen = np.zeros((chars, dim), np.float32)
    start = 0
    for length in word_lengths:
        for char in range(start, start + length):
            for k in range(window):
                neighbour = char + k - window // 2
                if start <= neighbour < start + length:
                    for d in range(dim):
                        grad_seen[neighbour, d] += grad_windows[char, k * dim + d]
        start += length
    return grad_seen
