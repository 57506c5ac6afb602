"""The fp32 LSTM alone: both directions over the test sentences, given their input products."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tagsmith.batching import time_steps
from tagsmith.bench.runner import BenchTask
from tagsmith.ops.recurrence import reference as recurrence_reference
from tagsmith.ops.recurrence.compiled import lstm
from tagsmith.ops.simd.tiles import pack

WORDS = 4_000
"""Distinct words, from row_of the sentences are drawn."""


def prepare(task: BenchTask) -> Callable[[], Callable[[], float]]:
    """Draw weights and words. A run returns the largest difference from the reference among the shortest sentences."""
    size = task.options["size"]
    lengths = np.sort([len(sentence) for sentence in task.tokens("test")])[::-1].astype(np.int64)
    starts = np.cumsum(lengths) - lengths
    rng = np.random.default_rng(1)
    products = rng.standard_normal((WORDS, 2, 4 * size), np.float32)
    weight = rng.uniform(-0.1, 0.1, (2, size, 4 * size)).astype(np.float32)
    packed = [pack(each) for each in weight]
    row_of = rng.integers(0, WORDS, lengths.sum())
    shortest = lengths[-20:]
    some, steps = slice(int(starts[-len(shortest)]), None), time_steps(shortest)
    out = np.empty((len(row_of), 2 * size), np.float32)

    def expected(direction: int) -> np.ndarray:
        order = steps.order[direction]
        states = np.empty((len(order), size), np.float32)
        states[order] = recurrence_reference.lstm(
            products[row_of[some]][order, direction], weight[direction], steps.counts
        )
        return states

    correct = np.concatenate([expected(direction) for direction in (0, 1)], 1)

    def run() -> float:
        for direction in (0, 1):
            lstm(products, row_of, starts, lengths, packed[direction], direction, out)
        return float(np.abs(out[some] - correct).max())

    return lambda: run
