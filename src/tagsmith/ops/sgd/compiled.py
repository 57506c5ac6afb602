"""SGD with momentum in one pass over the weights, and over the rows of a table that a batch reads.

``ops.sgd.on_torch`` has the formulas, and the same steps in PyTorch."""

from __future__ import annotations

import numpy as np

from tagsmith.ops.simd.compiling import kernel, reordering_kernel
from tagsmith.tensors import Floats, Ids


@reordering_kernel
def squared_norm(values: Floats) -> float:
    """Return the sum of the squares, as many sums side by side as vector registers hold. Shape: [n] -> []."""
    total = np.float32(0)
    for i in range(len(values)):
        total += values[i] * values[i]
    return float(total)


@kernel
def descend(weights: Floats, velocity: Floats, gradient: Floats, momentum: float, scale: float, rate: float) -> None:
    """Set v ← momentum v + scale g, then weights ← weights - rate v. Shape: all [n]."""
    keep, take, go = np.float32(momentum), np.float32(scale), np.float32(rate)
    for i in range(len(weights)):
        velocity[i] = keep * velocity[i] + take * gradient[i]
        weights[i] -= go * velocity[i]


@kernel
def catch_up(table: Floats, velocity: Floats, last: Ids, left: Floats, way: Floats, rows: Ids) -> None:
    """Bring rows up to date with the steps so far. A repeated row is updated once.

    Shape: table and velocity [rows of the table, D], last [rows of the table], left and way [steps], rows [R].
    """
    for row in rows:
        if last[row] != len(left) - 1:
            gone, kept = np.float32(way[last[row]]), np.float32(left[last[row]])
            for d in range(table.shape[1]):
                table[row, d] -= velocity[row, d] * gone
                velocity[row, d] *= kept
            last[row] = len(left) - 1


@kernel
def sum_by_row(place: Ids, values: Floats, rows: int) -> Floats:
    """Return the sum of the values at each row, in order. Shape: [N], [N, D] -> [rows, D]."""
    sums = np.zeros((rows, values.shape[1]), np.float32)
    for n in range(len(place)):
        for d in range(values.shape[1]):
            sums[place[n], d] += values[n, d]
    return sums


@kernel
def descend_rows(
    table: Floats, velocity: Floats, rows: Ids, gradient: Floats, momentum: float, scale: float, rate: float
) -> None:
    """Apply ``descend`` to some distinct rows of a table. Shape: [·, D], [·, D], [R], [R, D]."""
    for r in range(len(rows)):
        descend(table[rows[r]], velocity[rows[r]], gradient[r], momentum, scale, rate)
