"""The fp32 recurrence alone: both directions of an LSTM over the test sentences, their input products given."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tagsmith.batching import time_steps
from tagsmith.bench.runner import BenchTask
from tagsmith.ops.recurrence import reference as recurrence_reference
from tagsmith.ops.recurrence.compiled import lstm
from tagsmith.ops.simd.tiles import pack

WORDS = 4_000
"""Distinct words, of which the sentences are drawn."""


def prepare(task: BenchTask) -> Callable[[], Callable[[], float]]:
    """Draw weights and words; a run gives the greatest difference from the reference among the shortest sentences."""
    size = task.options["size"]
    lengths = np.sort([len(sentence) for sentence in task.tokens("test")])[::-1].astype(np.int64)
    starts = np.cumsum(lengths) - lengths
    rng = np.random.default_rng(1)
    products = rng.standard_normal((WORDS, 2, 4 * size), np.float32)
    weight = rng.uniform(-0.1, 0.1, (2, size, 4 * size)).astype(np.float32)
    packed = [pack(each) for each in weight]
    which = rng.integers(0, WORDS, lengths.sum())
    few = lengths[-20:]
    some, steps = slice(int(starts[-len(few)]), None), time_steps(few)
    out = np.empty((len(which), 2 * size), np.float32)

    def expected(direction: int) -> np.ndarray:
        order = steps.order[direction]
        states = np.empty((len(order), size), np.float32)
        states[order] = recurrence_reference.lstm(
            products[which[some]][order, direction], weight[direction], steps.counts
        )
        return states

    right = np.concatenate([expected(direction) for direction in (0, 1)], 1)

    def run() -> float:
        for direction in (0, 1):
            lstm(products, which, starts, lengths, packed[direction], direction, out)
        return float(np.abs(out[some] - right).max())

    return lambda: run
