"""The recurrences as compiled kernels: each block of a few sentences runs from its first word to its last.

Six sentences at a time keep their states in the first-level cache while the state weight streams from the second.
Blocks never wait for each other, and there is no padding. The sentences of a block should have similar lengths,
longest first.

A kernel that has a gradient also keeps what the gradient needs. The gradient kernel then runs each block from its
last word to its first. The gradients of the weights are tall matrix products of what the two kernels leave behind,
which is work for a BLAS (see ``autograd``).
"""

from __future__ import annotations

import numpy as np

from tagsmith.ops.recurrence.activations import sigmoid, tanh
from tagsmith.ops.simd.compiling import kernel
from tagsmith.ops.simd.tiles import ROWS, add_product, whole_vectors
from tagsmith.tensors import Floats, Ids


@kernel
def word_at(start: int, length: int, t: int, direction: int) -> int:
    """Return the word that a sentence reads at step t, forwards (direction 0) or backwards (1)."""
    return start + (t if direction == 0 else length - 1 - t)


# LSTM


@kernel
def lstm(
    products: Floats,
    row_of: Ids,
    starts: Ids,
    lengths: Ids,
    state_weight: Floats,
    direction: int,
    out: Floats,
    before: Floats | None = None,
    cells: Floats | None = None,
) -> None:
    """Write the hidden states of one direction (0 forwards, 1 backwards) to ``out``, from initial state 0.

    With ``before`` and ``cells``, as in training, keep the state before each word and its cell there, and overwrite
    the word's input products with its gates. Then no two words may share a row.

    Shape: products [M, 2, 4H], the input products of both directions; row_of [N], the row of each word; starts and
    lengths [B], the words of each sentence, longest first; state_weight [panels, H, PANEL] of this direction (see
    ``tiles.pack``); out [N, 2H], before and cells [N, 2, H], of which this direction fills its half.
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
                sums[r, : 4 * size] = products[row_of[word], direction]
                if before is not None:
                    before[word, direction] = h[r]
            if t > 0:
                add_product(sums, 0, h, 0, rows, state_weight)
            lstm_step(sums, c, h, rows)
            for r in range(rows):
                word = word_at(starts[block + r], lengths[block + r], t, direction)
                out[word, direction * size : (direction + 1) * size] = h[r]
                if cells is not None:
                    cells[word, direction] = c[r]
                    products[row_of[word], direction] = sums[r, : 4 * size]


@kernel
def lstm_step(sums: Floats, c: Floats, h: Floats, rows: int) -> None:
    """Update cells c and states h of ``rows`` sentences, and overwrite their sums with the gates.

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
    """Write the gradient of one direction's input products to ``grad_products``.

    Shape: grad_out [N, 2H]; starts and lengths [B], as ``lstm`` had them; transposed [panels, 4H, PANEL], the packed
    transpose of this direction's state weight; gates [N, 2, 4H] and cells [N, 2, H], as ``lstm`` left them;
    grad_products [N, 2, 4H], of which this direction fills its half.
    """
    size = cells.shape[2]
    grad_sums = np.empty((ROWS, 4 * size), np.float32)
    grad_h = np.empty((ROWS, whole_vectors(size)), np.float32)
    grad_c = np.empty((ROWS, size), np.float32)
    zeros = np.zeros(size, np.float32)
    for block in range(0, len(lengths), ROWS):
        grad_h[:], grad_c[:] = 0, 0
        rows = 0
        for t in range(lengths[block] - 1, -1, -1):
            while rows < min(ROWS, len(lengths) - block) and lengths[block + rows] > t:
                rows += 1
            for r in range(rows):
                start, length = starts[block + r], lengths[block + r]
                word = word_at(start, length, t, direction)
                before = cells[word_at(start, length, t - 1, direction), direction] if t > 0 else zeros
                grad_h[r, :size] += grad_out[word, direction * size : (direction + 1) * size]
                lstm_step_gradient(
                    gates[word, direction], cells[word, direction], before, grad_h[r], grad_c[r], grad_sums[r]
                )
                grad_products[word, direction] = grad_sums[r]
            if t > 0:
                grad_h[:rows] = 0
                add_product(grad_h, 0, grad_sums, 0, rows, transposed)


@kernel
def lstm_step_gradient(
    gates: Floats, cells: Floats, cells_before: Floats, grad_h: Floats, grad_c: Floats, grad_sums: Floats
) -> None:
    """Write the gradient of one word's sums before the gates, given those of its state and its cells.

    ``grad_c`` holds the gradient of this word's cells on entry, and that of the cells before it on return.

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


# GRU


@kernel
def gru(
    products: Floats,
    row_of: Ids,
    starts: Ids,
    lengths: Ids,
    state_weight: Floats,
    direction: int,
    out: Floats,
    before: Floats | None = None,
    candidates: Floats | None = None,
) -> None:
    """Write the hidden states of one direction (0 forwards, 1 backwards) to ``out``, from initial state 0.

    With ``before`` and ``candidates``, as in training, keep the state before each word and the state product of its
    candidate there, and overwrite the word's input products with its gates. Then no two words may share a row.

    Shape: as ``lstm``, with three gates: products [M, 2, 3H]; before and candidates [N, 2, H].
    """
    size = out.shape[1] // 2
    sums = np.empty((ROWS, whole_vectors(3 * size)), np.float32)
    gates = np.empty((ROWS, 3 * size), np.float32)
    h = np.empty((ROWS, size), np.float32)
    for block in range(0, len(lengths), ROWS):
        h[:] = 0
        rows = min(ROWS, len(lengths) - block)
        for t in range(lengths[block]):
            while lengths[block + rows - 1] <= t:
                rows -= 1
            sums[:rows] = 0
            if t > 0:
                add_product(sums, 0, h, 0, rows, state_weight)
            for r in range(rows):
                word = word_at(starts[block + r], lengths[block + r], t, direction)
                gates[r] = products[row_of[word], direction]
                if before is not None:
                    before[word, direction] = h[r]
            gru_step(sums, gates, h, rows)
            for r in range(rows):
                word = word_at(starts[block + r], lengths[block + r], t, direction)
                out[word, direction * size : (direction + 1) * size] = h[r]
                if candidates is not None:
                    candidates[word, direction] = sums[r, 2 * size : 3 * size]
                    products[row_of[word], direction] = gates[r]


@kernel
def gru_step(sums: Floats, gates: Floats, h: Floats, rows: int) -> None:
    """Update states h of ``rows`` sentences, and overwrite their input products in ``gates`` with the gates.

    Shape: sums [·, at least 3H], the state products, and gates [·, 3H] in the order reset, update, candidate; h [·, H].
    """
    size = h.shape[1]
    for k in range(rows):
        r, z, n = gates[k, :size], gates[k, size : 2 * size], gates[k, 2 * size : 3 * size]
        of_r, of_z, of_n = sums[k, :size], sums[k, size : 2 * size], sums[k, 2 * size : 3 * size]
        for j in range(size):
            r[j], z[j] = sigmoid(r[j] + of_r[j]), sigmoid(z[j] + of_z[j])
            n[j] = tanh(n[j] + r[j] * of_n[j])
            h[k, j] = n[j] + z[j] * (h[k, j] - n[j])


@kernel
def gru_gradient(
    grad_out: Floats,
    starts: Ids,
    lengths: Ids,
    transposed: Floats,
    direction: int,
    gates: Floats,
    before: Floats,
    candidates: Floats,
    grad_products: Floats,
) -> None:
    """Write the gradient of one direction's input products to ``grad_products``.

    That of the state products is the same, but times the reset gate in the candidate.

    Shape: as ``lstm_gradient``, with three gates; before and candidates [N, 2, H], as ``gru`` left them.
    """
    size = before.shape[2]
    grad_sums = np.empty((ROWS, 3 * size), np.float32)
    grad_h = np.empty((ROWS, whole_vectors(size)), np.float32)
    for block in range(0, len(lengths), ROWS):
        grad_h[:] = 0
        rows = 0
        for t in range(lengths[block] - 1, -1, -1):
            while rows < min(ROWS, len(lengths) - block) and lengths[block + rows] > t:
                rows += 1
            for r in range(rows):
                word = word_at(starts[block + r], lengths[block + r], t, direction)
                grad_h[r, :size] += grad_out[word, direction * size : (direction + 1) * size]
                gru_step_gradient(
                    gates[word, direction],
                    before[word, direction],
                    candidates[word, direction],
                    grad_h[r],
                    grad_sums[r],
                    grad_products[word, direction],
                )
            if t > 0:
                add_product(grad_h, 0, grad_sums, 0, rows, transposed)


@kernel
def gru_step_gradient(
    gates: Floats, before: Floats, candidate: Floats, grad_h: Floats, grad_sums: Floats, grad_products: Floats
) -> None:
    """Write the gradients of one word's state products (``grad_sums``) and input products, given that of its state.

    ``grad_h`` holds the gradient of this word's state on entry. On return it holds the part of the gradient of the
    state before it that does not pass through the state products.

    Shape: gates, grad_sums and grad_products [3H]; before, candidate, grad_h [H].
    """
    size = len(before)
    r, z, n = gates[:size], gates[size : 2 * size], gates[2 * size :]
    for j in range(size):
        grad_n = grad_h[j] * (np.float32(1) - z[j]) * (np.float32(1) - n[j] * n[j])
        grad_products[2 * size + j], grad_sums[2 * size + j] = grad_n, grad_n * r[j]
        grad_products[j] = grad_sums[j] = grad_n * candidate[j] * r[j] * (np.float32(1) - r[j])
        grad_z = grad_h[j] * (before[j] - n[j]) * z[j] * (np.float32(1) - z[j])
        grad_products[size + j] = grad_sums[size + j] = grad_z
        grad_h[j] *= z[j]


# Plain RNN


@kernel
def rnn(
    products: Floats, row_of: Ids, starts: Ids, lengths: Ids, state_weight: Floats, direction: int, out: Floats
) -> None:
    """Write the hidden states of one direction to ``out``: h = tanh(input product + h before · state_weight).

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
                sums[r, :size] = products[row_of[word], direction]
            if t > 0:
                add_product(sums, 0, h, 0, rows, state_weight)
            for r in range(rows):
                word = word_at(starts[block + r], lengths[block + r], t, direction)
                for j in range(size):
                    h[r, j] = tanh(sums[r, j])
                out[word, direction * size : (direction + 1) * size] = h[r]
