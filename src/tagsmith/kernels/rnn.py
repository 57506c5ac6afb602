"""The plain RNN's recurrence in compiled code, block by block as in ``kernels.lstm``."""

from __future__ import annotations

import numpy as np

from tagsmith.kernels.compiling import kernel
from tagsmith.kernels.gates import tanh
from tagsmith.kernels.reference import Floats, Ids
from tagsmith.kernels.tiles import ROWS, add_product


@kernel
def rnn(
    products: Floats, which: Ids, starts: Ids, lengths: Ids, state_weight: Floats, direction: int, out: Floats
) -> None:
    """Hidden states of one direction from initial state 0, into ``out``: h = tanh(input product + h before · weight).

    Shape: as ``lstm``, with one gate: products [M, 2, H].
    """
    size = out.shape[1] // 2
    sums = np.zeros((ROWS, len(state_weight) * state_weight.shape[2]), np.float32)
    h = np.empty((ROWS, size), np.float32)
    for block in range(0, len(lengths), ROWS):
        rows = min(ROWS, len(lengths) - block)
        for t in range(lengths[block]):
            while lengths[block + rows - 1] <= t:
                rows -= 1
            for r in range(rows):
                word = starts[block + r] + (t if direction == 0 else lengths[block + r] - 1 - t)
                sums[r, :size] = products[which[word], direction]
            if t > 0:
                add_product(sums, 0, h, 0, rows, state_weight)
            for r in range(rows):
                word = starts[block + r] + (t if direction == 0 else lengths[block + r] - 1 - t)
                for j in range(size):
                    h[r, j] = tanh(sums[r, j])
                out[word, direction * size : (direction + 1) * size] = h[r]
