"""Dropout whose mask is never stored: one pass over the values draws it, and another over their gradient redraws it."""

from __future__ import annotations

import numpy as np

from tagsmith.ops.simd.compiling import kernel
from tagsmith.tensors import Floats, Ids

_STEP, _MIX_1, _MIX_2 = map(np.uint64, (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))


@kernel
def dropout(values: Floats, rate: float, key: int, mask_of: Ids) -> Floats:
    """Return the values, each zeroed with probability ``rate`` and the others scaled up to match.

    The key, the row's number in ``mask_of`` and the column alone decide what is zeroed: the draw is the first 32 bits
    of a number in the sequence that begins with the key. Source: SplitMix64 (Steele, Lea and Flood 2014).

    Shape: values [N, D], mask_of [N] -> [N, D].
    """
    rows, columns = values.shape
    out = np.empty((rows, columns), np.float32)
    least, scale = np.uint64(rate * 2.0**32), np.float32(1 / (1 - rate))
    for n in range(rows):
        before = np.uint64(key) + np.uint64(mask_of[n]) * np.uint64(columns) * _STEP
        for d in range(columns):
            x = before + np.uint64(d + 1) * _STEP
            x = (x ^ (x >> np.uint64(30))) * _MIX_1
            x = (x ^ (x >> np.uint64(27))) * _MIX_2
            x = x ^ (x >> np.uint64(31))
            out[n, d] = values[n, d] * scale if (x >> np.uint64(32)) >= least else np.float32(0)
    return out
