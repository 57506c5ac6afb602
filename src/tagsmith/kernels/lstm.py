"""The LSTM's recurrence in compiled code: each block of a few sentences runs from its first word to its last.

Six sentences at a time keep their state in the first-level cache, while the state weight streams from the second. A
block never waits for another and meets no padding; its sentences should be of like length, longest first.
"""

from __future__ import annotations

import numpy as np

from tagsmith.kernels.compiling import kernel
from tagsmith.kernels.gates import sigmoid, tanh
from tagsmith.kernels.reference import Floats, Ids
from tagsmith.kernels.tiles import ROWS, add_product


@kernel
def gate(sums: Floats, c: Floats, h: Floats, rows: int) -> None:
    """A step of ``rows`` sentences: new cells c and states h from the sums before the gates.

    Shape: sums [·, at least 4H] in the order input, forget, output, candidate; c [·, H], h [·, H].
    """
    size = c.shape[1]
    for r in range(rows):
        i, f, o, g = (
            sums[r, :size],
            sums[r, size : 2 * size],
            sums[r, 2 * size : 3 * size],
            sums[r, 3 * size : 4 * size],
        )
        for j in range(size):
            c[r, j] = sigmoid(f[j]) * c[r, j] + sigmoid(i[j]) * tanh(g[j])
            h[r, j] = sigmoid(o[j]) * tanh(c[r, j])


@kernel
def lstm(
    products: Floats, which: Ids, starts: Ids, lengths: Ids, state_weight: Floats, direction: int, out: Floats
) -> None:
    """Hidden states of one direction (0 reads forwards, 1 backwards) from initial state 0, into ``out``.

    Shape: products [M, 2, 4H], the input products of both directions, of which word n has ``which[n]``; which [N];
    starts and lengths [B], the sentences' places in ``which``, longest first; state_weight [panels, H, PANEL] of this
    direction (see ``tiles.pack``); out [N, 2H], of which this direction fills its half.
    """
    size = out.shape[1] // 2
    sums = np.zeros((ROWS, len(state_weight) * state_weight.shape[2]), np.float32)
    h, c = np.empty((ROWS, size), np.float32), np.empty((ROWS, size), np.float32)
    for block in range(0, len(lengths), ROWS):
        h[:], c[:] = 0, 0
        rows = min(ROWS, len(lengths) - block)
        for t in range(lengths[block]):
            while lengths[block + rows - 1] <= t:
                rows -= 1
            for r in range(rows):
                word = starts[block + r] + (t if direction == 0 else lengths[block + r] - 1 - t)
                sums[r, : 4 * size] = products[which[word], direction]
            if t > 0:
                add_product(sums, 0, h, 0, rows, state_weight)
            gate(sums, c, h, rows)
            for r in range(rows):
                word = starts[block + r] + (t if direction == 0 else lengths[block + r] - 1 - t)
                out[word, direction * size : (direction + 1) * size] = h[r]
