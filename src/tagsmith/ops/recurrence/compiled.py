"""The LSTM's recurrence in compiled code: each block of a few sentences runs from its first word to its last.

Six sentences at a time keep their state in the first-level cache, while the state weight streams from the second. A
block never waits for another and meets no padding; its sentences should be of like length, longest first.

For training there is the way back too: ``lstm`` keeps what ``lstm_gradient`` needs, which runs each block from its
last word to its first. The weights' gradients are tall products of what the two leave behind, and a BLAS's work.
"""

from __future__ import annotations

import numpy as np

from tagsmith.ops.recurrence.gates import sigmoid, tanh
from tagsmith.ops.simd.compiling import kernel
from tagsmith.ops.simd.tiles import ROWS, add_product, whole_vectors
from tagsmith.tensors import Floats, Ids


@kernel
def gate(sums: Floats, c: Floats, h: Floats, rows: int) -> None:
    """A step of ``rows`` sentences: new cells c and states h, and in place of the sums before the gates the gates.

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
            i[j], f[j], o[j], g[j] = sigmoid(i[j]), sigmoid(f[j]), sigmoid(o[j]), tanh(g[j])
            c[r, j] = f[j] * c[r, j] + i[j] * g[j]
            h[r, j] = o[j] * tanh(c[r, j])


@kernel
def lstm(
    products: Floats,
    which: Ids,
    starts: Ids,
    lengths: Ids,
    state_weight: Floats,
    direction: int,
    out: Floats,
    before: Floats | None = None,
    cells: Floats | None = None,
) -> None:
    """Hidden states of one direction (0 reads forwards, 1 backwards) from initial state 0, into ``out``.

    Given ``before`` and ``cells``, as in training, it keeps each word's state before it and its cells there, and the
    word's gates in place of its input product; no two words may share one then.

    Shape: products [M, 2, 4H], the input products of both directions, of which word n has ``which[n]``; which [N];
    starts and lengths [B], the sentences' places in ``which``, longest first; state_weight [panels, H, PANEL] of this
    direction (see ``tiles.pack``); out [N, 2H], before and cells [N, 2, H], of which this direction fills its half.
    """
    size = out.shape[1] // 2
    sums = np.zeros((ROWS, whole_vectors(4 * size)), np.float32)
    h, c = np.empty((ROWS, size), np.float32), np.empty((ROWS, size), np.float32)
    for block in range(0, len(lengths), ROWS):
        h[:], c[:] = 0, 0
        rows = min(ROWS, len(lengths) - block)
        for t in range(lengths[block]):
            while lengths[block + rows - 1] <= t:
                rows -= 1
            for r in range(rows):
                word = word_at(starts[block + r], lengths[block + r], t, direction)
                sums[r, : 4 * size] = products[which[word], direction]
                if before is not None:
                    before[word, direction] = h[r]
            if t > 0:
                add_product(sums, 0, h, 0, rows, state_weight)
            gate(sums, c, h, rows)
            for r in range(rows):
                word = word_at(starts[block + r], lengths[block + r], t, direction)
                out[word, direction * size : (direction + 1) * size] = h[r]
                if cells is not None:
                    cells[word, direction] = c[r]
                    products[which[word], direction] = sums[r, : 4 * size]


@kernel
def word_at(start: int, length: int, t: int, direction: int) -> int:
    """The word that a sentence's step t reads, forwards (direction 0) or backwards (1)."""
    return start + (t if direction == 0 else length - 1 - t)


@kernel
def gate_gradient(
    gates: Floats, cells: Floats, cells_before: Floats, grad_h: Floats, grad_c: Floats, grad_sums: Floats
) -> None:
    """One word's gradient of the sums before its gates, from those of its state and its cells.

    ``grad_c`` comes as what later words want of the cells and goes as what the word before is to get.

    Shape: gates and grad_sums [4H]; cells, cells_before, grad_h, grad_c [H].
    """
    size = len(cells)
    i, f, o, g = gates[:size], gates[size : 2 * size], gates[2 * size : 3 * size], gates[3 * size :]
    grad_i, grad_f = grad_sums[:size], grad_sums[size : 2 * size]
    grad_o, grad_g = grad_sums[2 * size : 3 * size], grad_sums[3 * size :]
    for j in range(size):
        tanh_c = tanh(cells[j])
        d = grad_c[j] + grad_h[j] * o[j] * (np.float32(1) - tanh_c * tanh_c)
        grad_i[j] = d * g[j] * i[j] * (np.float32(1) - i[j])
        grad_f[j] = d * cells_before[j] * f[j] * (np.float32(1) - f[j])
        grad_o[j] = grad_h[j] * tanh_c * o[j] * (np.float32(1) - o[j])
        grad_g[j] = d * i[j] * (np.float32(1) - g[j] * g[j])
        grad_c[j] = d * f[j]


@kernel
def lstm_gradient(
    grad_out: Floats,
    starts: Ids,
    lengths: Ids,
    transposed: Floats,
    direction: int,
    gates: Floats,
    cells: Floats,
    grad_products: Floats,
) -> None:
    """The gradient of one direction's input products, into ``grad_products``.

    Shape: grad_out [N, 2H]; starts and lengths [B], as ``lstm`` had them; transposed [panels, 4H, PANEL], the packed
    transpose of this direction's state weight; gates [N, 2, 4H] and cells [N, 2, H], as ``lstm`` left them;
    grad_products [N, 2, 4H], of which this direction fills its half.
    """
    size = cells.shape[2]
    grad_sums = np.empty((ROWS, 4 * size), np.float32)
    grad_h = np.empty((ROWS, whole_vectors(size)), np.float32)
    grad_c = np.empty((ROWS, size), np.float32)
    nothing = np.zeros(size, np.float32)
    for block in range(0, len(lengths), ROWS):
        grad_h[:], grad_c[:] = 0, 0
        rows = 0
        for t in range(lengths[block] - 1, -1, -1):
            while rows < min(ROWS, len(lengths) - block) and lengths[block + rows] > t:
                rows += 1
            for r in range(rows):
                start, length = starts[block + r], lengths[block + r]
                word = word_at(start, length, t, direction)
                before = cells[word_at(start, length, t - 1, direction), direction] if t > 0 else nothing
                grad_h[r, :size] += grad_out[word, direction * size : (direction + 1) * size]
                gate_gradient(
                    gates[word, direction], cells[word, direction], before, grad_h[r], grad_c[r], grad_sums[r]
                )
                grad_products[word, direction] = grad_sums[r]
            if t > 0:
                grad_h[:rows] = 0
                add_product(grad_h, 0, grad_sums, 0, rows, transposed)
