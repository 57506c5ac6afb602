"""Rows of scores in compiled code. Each is padded to whole vectors, with -inf after its K scores."""

from __future__ import annotations

import numpy as np
from numba.extending import register_jitable

from tagsmith.ops.simd.lanes import LANES, broadcast, exp, highest, load, maximum, multiply_add, store, total
from tagsmith.tensors import Floats


@register_jitable
def padded(count: int, tags: int) -> Floats:
    """Return ``count`` rows of ``tags`` scores, both rounded up to whole vectors, filled with -inf."""
    rows = np.empty((-(-count // LANES) * LANES, -(-tags // LANES) * LANES))
    fill(rows, -np.inf)
    return rows


@register_jitable
def fill(rows: Floats, score: float) -> None:
    """Set every score."""
    for i in range(len(rows)):
        for c in range(0, rows.shape[1], LANES):
            store(rows[i], c, broadcast(score))


@register_jitable
def copy_matrix(rows: Floats, tags: int, out: Floats) -> None:
    """Copy the scores without the padding. Shape: out [K, K]."""
    for i in range(tags):
        for j in range(tags):
            out[i, j] = rows[i, j]


@register_jitable
def copy_row(row: Floats, scale: float, tags: int, out: Floats) -> None:
    """Copy row + scale without the padding. Shape: out [K]."""
    for k in range(tags):
        out[k] = row[k] + scale


@register_jitable
def transpose(matrix: Floats, tags: int, out: Floats) -> None:
    """Write the transpose into ``out``."""
    for i in range(tags):
        for j in range(tags):
            out[j, i] = matrix[i, j]


@register_jitable
def row_maximum(scores: Floats) -> float:
    """Return the highest score of a row."""
    top = broadcast(-np.inf)
    for c in range(0, len(scores), LANES):
        top = maximum(load(scores, c), top)
    return highest(top)


@register_jitable
def subtract_maximum(logs: Floats) -> float:
    """Subtract the maximum of a row from it, unless all are -inf; return the maximum."""
    top = row_maximum(logs)
    if top > -np.inf:
        for c in range(0, len(logs), LANES):
            store(logs, c, load(logs, c) - broadcast(top))
    return top


@register_jitable
def normalize_product(a: Floats, b: Floats, out: Floats) -> float:
    """Write a * b, scaled to a sum of 1, into ``out``; return the sum before scaling."""
    summed = broadcast(0.0)
    for c in range(0, len(out), LANES):
        summed = multiply_add(load(a, c), load(b, c), summed)
    divisor = total(summed)
    for c in range(0, len(out), LANES):
        store(out, c, load(a, c) * load(b, c) / broadcast(divisor))
    return divisor


@register_jitable
def softmax(alpha: Floats, beta: Floats, out: Floats) -> float:
    """Write exp(alpha + beta), scaled to a sum of 1, into ``out``; return the log of the sum before scaling."""
    for c in range(0, len(out), LANES):
        store(out, c, load(alpha, c) + load(beta, c))
    top = subtract_maximum(out)
    summed = broadcast(0.0)
    for c in range(0, len(out), LANES):
        power = exp(load(out, c))
        summed = summed + power
        store(out, c, power)
    divisor = total(summed)
    for c in range(0, len(out), LANES):
        store(out, c, load(out, c) / broadcast(divisor))
    return top + np.log(divisor)
