"""The character CNN in plain NumPy, written to be read. Every faster implementation is compared with it."""

from __future__ import annotations

import numpy as np

from tagsmith.tensors import Floats, Ids

ACTIVATIONS = {"none": np.asarray, "tanh": np.tanh, "relu": lambda x: np.maximum(x, 0)}


def char_cnn(
    chars: Ids, word_lengths: Ids, vectors: Floats, weight: Floats, bias: Floats, activation: str = "none"
) -> Floats:
    """Return spelling vectors: a convolution over each word's characters, zeros around it, and the maximum over time.

    Each word is computed from its own characters and zeros, whatever its neighbours are. The activation (``none``,
    ``tanh`` or ``relu``) increases monotonically, so it may come after the maximum, where there is less to compute.

    Shape: chars [C], word_lengths [U], vectors [A, D], weight [F, window * D], bias [F] -> [U, F]
    Source: Ma and Hovy 2016, §2.1.
    """
    dim = vectors.shape[1]
    window = weight.shape[1] // dim
    margin = window // 2
    # One long row of all words, with `margin` zeros before, between and after them.
    word = np.repeat(np.arange(len(word_lengths)), word_lengths)
    places = np.arange(len(chars)) + margin * (word + 1)
    row = np.zeros((len(chars) + margin * (len(word_lengths) + 1), dim), vectors.dtype)
    row[places] = vectors[chars]
    windows = row[places[:, None] + np.arange(-margin, margin + 1)]  # [C, window, D]
    filtered = windows.reshape(len(chars), -1) @ weight.T + bias
    return ACTIVATIONS[activation](np.maximum.reduceat(filtered, np.cumsum(word_lengths) - word_lengths))
