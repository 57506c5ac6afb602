"""Products of two square float32 matrices, as a measure of the machine's fp32 arithmetic."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tagsmith.bench.runner import BenchTask


def prepare(task: BenchTask) -> Callable[[], Callable[[], float]]:
    """Draw the matrices. A run is ``calls`` products of them, and returns the error of one element."""
    size, calls = task.options["size"], task.options["calls"]
    rng = np.random.default_rng(1)
    left, right = (rng.standard_normal((size, size), np.float32) for _ in range(2))
    out = np.empty((size, size), np.float32)

    def run() -> float:
        for _ in range(calls):
            np.matmul(left, right, out=out)
        return float(out[0, 0] - left[0] @ right[:, 0])  # near 0

    return lambda: run
