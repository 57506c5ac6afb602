"""Rows of scores in compiled code: each as long as whole vectors, -inf in the places beyond its K scores."""

from __future__ import annotations

import numpy as np
from numba.extending import register_jitable

from tagsmith.ops.simd.lanes import LANES, exp, highest, load, maximum, multiply_add, spread, store, total
from tagsmith.tensors import Floats


@register_jitable
def room(count: int, tags: int) -> Floats:
    """Room for so many rows of scores, or of as many vectors as hold them, -inf throughout."""
    rows = np.empty((-(-count // LANES) * LANES, -(-tags // LANES) * LANES))
    fill(rows, -np.inf)
    return rows


@register_jitable
def fill(rows: Floats, score: float) -> None:
    """Put one score everywhere."""
    for i in range(len(rows)):
        for c in range(0, rows.shape[1], LANES):
            store(rows[i], c, spread(score))


@register_jitable
def write(rows: Floats, tags: int, out: Floats) -> None:
    """The scores alone. Shape: out [K, K]."""
    for i in range(tags):
        for j in range(tags):
            out[i, j] = rows[i, j]


@register_jitable
def write_row(row: Floats, scale: float, tags: int, out: Floats) -> None:
    """row + scale, the scores alone. Shape: out [K]."""
    for k in range(tags):
        out[k] = row[k] + scale


@register_jitable
def turn(matrix: Floats, tags: int, out: Floats) -> None:
    """The transpose."""
    for i in range(tags):
        for j in range(tags):
            out[j, i] = matrix[i, j]


@register_jitable
def highest_of(scores: Floats) -> float:
    """The highest score of a row."""
    top = spread(-np.inf)
    for c in range(0, len(scores), LANES):
        top = maximum(load(scores, c), top)
    return highest(top)


@register_jitable
def take_maximum(logs: Floats) -> float:
    """The maximum of some logs, which are lowered by it, unless there is none above -inf."""
    top = highest_of(logs)
    if top > -np.inf:
        for c in range(0, len(logs), LANES):
            store(logs, c, load(logs, c) - spread(top))
    return top


@register_jitable
def share(a: Floats, b: Floats, out: Floats) -> float:
    """a * b into ``out``, divided so that it adds up to 1; what it was divided by."""
    summed = spread(0.0)
    for c in range(0, len(out), LANES):
        summed = multiply_add(load(a, c), load(b, c), summed)
    divisor = total(summed)
    for c in range(0, len(out), LANES):
        store(out, c, load(a, c) * load(b, c) / spread(divisor))
    return divisor


@register_jitable
def softmax(alpha: Floats, beta: Floats, out: Floats) -> float:
    """exp(alpha + beta) into ``out``, divided so that it adds up to 1; the log of what it was divided by."""
    for c in range(0, len(out), LANES):
        store(out, c, load(alpha, c) + load(beta, c))
    top = take_maximum(out)
    summed = spread(0.0)
    for c in range(0, len(out), LANES):
        power = exp(load(out, c))
        summed = summed + power
        store(out, c, power)
    divisor = total(summed)
    for c in range(0, len(out), LANES):
        store(out, c, load(out, c) / spread(divisor))
    return top + np.log(divisor)
