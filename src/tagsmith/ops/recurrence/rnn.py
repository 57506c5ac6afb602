"""The plain RNN's recurrence in compiled code, block by block as in ``ops.recurrence.compiled``."""

from __future__ import annotations

import numpy as np

from tagsmith.ops.recurrence.compiled import word_at
from tagsmith.ops.recurrence.gates import tanh
from tagsmith.ops.simd.compiling import kernel
from tagsmith.ops.simd.tiles import ROWS, add_product, whole_vectors
from tagsmith.tensors import Floats, Ids


@kernel
def rnn(
    products: Floats, which: Ids, starts: Ids, lengths: Ids, state_weight: Floats, direction: int, out: Floats
) -> None:
    """Hidden states of one direction from initial state 0, into ``out``: h = tanh(input product + h before · weight).

    Shape: as ``lstm``, with one gate: products [M, 2, H].
    """
    size = out.shape[1] // 2
    sums = np.zeros((ROWS, whole_vectors(size)), np.float32)
    h = np.empty((ROWS, size), np.float32)
    for block in range(0, len(lengths), ROWS):
        rows = min(ROWS, len(lengths) - block)
        for t in range(lengths[block]):
            while lengths[block + rows - 1] <= t:
                rows -= 1
            for r in range(rows):
                word = word_at(starts[block + r], lengths[block + r], t, direction)
                sums[r, :size] = products[which[word], direction]
            if t > 0:
                add_product(sums, 0, h, 0, rows, state_weight)
            for r in range(rows):
                word = word_at(starts[block + r], lengths[block + r], t, direction)
                for j in range(size):
                    h[r, j] = tanh(sums[r, j])
                out[word, direction * size : (direction + 1) * size] = h[r]
