"""Vectors in compiled code, lane by lane, against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tagsmith.ops.simd.compiling import kernel
from tagsmith.ops.simd.lanes import LANES, broadcast, exp, highest, load, log, maximum, multiply_add, store, total


@kernel
def exps(x: Any, out: Any) -> None:
    """exp of every number, LANES at a time."""
    for c in range(0, len(x), LANES):
        store(out, c, exp(load(x, c)))


@kernel
def logs(x: Any, out: Any) -> None:
    """log of every number, LANES at a time."""
    for c in range(0, len(x), LANES):
        store(out, c, log(load(x, c)))


@kernel
def arithmetic(x: Any, y: Any, out: Any) -> tuple[float, float]:
    """Every operator on two vectors, into the rows of ``out``, and what a vector comes to."""
    a, b = load(x, 0), load(y, 0)
    store(out[0], 0, a + b)
    store(out[1], 0, a - b)
    store(out[2], 0, a * b)
    store(out[3], 0, a / b)
    store(out[4], 0, maximum(a, b))
    store(out[5], 0, multiply_add(a, b, broadcast(2.0)))
    return highest(a), total(a)


def applied(function: Any, x: Any) -> np.ndarray:
    padded = np.zeros(-(-len(x) // LANES) * LANES)
    padded[: len(x)] = x
    out = np.full_like(padded, np.nan)
    function(padded, out)
    return out[: len(x)]


def test_exp_is_that_of_numpy_to_the_last_digits() -> None:
    x = np.random.default_rng(0).uniform(-708, 700, 100_000)
    np.testing.assert_allclose(applied(exps, x), np.exp(x), rtol=4.5e-16)


def test_exp_of_what_is_too_small_is_0_and_nan_stays() -> None:
    found = applied(exps, [-np.inf, -1e300, -708.1, -708.0, 0.0, np.nan])
    np.testing.assert_array_equal(found[[0, 1, 2, 4, 5]], [0.0, 0.0, 0.0, 1.0, np.nan])
    assert found[3] == pytest.approx(np.exp(-708.0), rel=4.5e-16)


def test_log_is_that_of_numpy_to_the_last_digits() -> None:
    rng = np.random.default_rng(0)
    x = np.exp(rng.uniform(-700, 700, 100_000))
    np.testing.assert_allclose(applied(logs, x), np.log(x), rtol=4.5e-16, atol=4.5e-16)
    near_1 = rng.uniform(0.5, 2, 100_000)
    np.testing.assert_allclose(applied(logs, near_1), np.log(near_1), rtol=4.5e-16)


def test_log_of_what_is_no_positive_number() -> None:
    np.testing.assert_array_equal(
        applied(logs, [0.0, -0.0, 1.0, np.inf, np.nan]), [-np.inf, -np.inf, 0, np.inf, np.nan]
    )


def test_operators_work_lane_by_lane() -> None:
    x, y = np.random.default_rng(0).normal(size=(2, LANES))
    out = np.empty((6, LANES))
    found = arithmetic(x, y, out)
    np.testing.assert_array_equal(out[:5], [x + y, x - y, x * y, x / y, np.maximum(x, y)])
    np.testing.assert_allclose(out[5], x * y + 2, rtol=1e-15)
    assert found[0] == x.max()
    assert found[1] == pytest.approx(x.sum(), rel=1e-14)
    for place in range(LANES):
        assert arithmetic(np.where(np.arange(LANES) == place, 5.0, x), y, out)[0] == 5.0
