"""The compiled steps of gradient descent, against the formulas in NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from tagsmith.ops.sgd.compiled import catch_up, descend, descend_rows, squared_norm, sum_by_row


def draw(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("size", [1, 15, 64, 100_003])
def test_a_squared_norm_is_the_sum_of_all_squares(size: int) -> None:
    values = draw(size)
    assert squared_norm(values) == pytest.approx(np.square(values.astype(np.float64)).sum(), rel=1e-5)
    values[size // 2] = np.nan
    assert np.isnan(squared_norm(values))
    assert squared_norm(np.array([np.inf, 1], np.float32)) == np.inf


@pytest.mark.parametrize("size", [1, 15, 64, 1_003])
def test_a_step_moves_velocity_and_then_weights(size: int) -> None:
    weights, velocity, gradient = draw(size), draw(size, seed=1), draw(size, seed=2)
    moved = 0.9 * velocity.astype(np.float64) + 0.25 * gradient
    expected = weights - 0.1 * moved
    descend(weights, velocity, gradient, 0.9, 0.25, 0.1)
    np.testing.assert_allclose(velocity, moved, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(weights, expected, rtol=1e-6, atol=1e-6)


def test_a_step_of_rows_moves_these_rows_alone() -> None:
    table, velocity, gradient = draw(6, 5), draw(6, 5, seed=1), draw(2, 5, seed=2)
    expected_table, expected_velocity, rows = table.copy(), velocity.copy(), np.array([4, 1])
    for row, g in zip(rows, gradient, strict=True):
        descend(expected_table[row], expected_velocity[row], g, 0.9, 0.25, 0.1)
    descend_rows(table, velocity, rows, gradient, 0.9, 0.25, 0.1)
    np.testing.assert_array_equal(table, expected_table)
    np.testing.assert_array_equal(velocity, expected_velocity)


def test_a_row_that_catches_up_twice_moves_once() -> None:
    table, velocity, last = draw(3, 2), draw(3, 2, seed=1), np.array([0, 1, 2])
    before, was = table.copy(), velocity.copy()
    left, way = np.array([0.25, 0.5, 1.0]), np.array([0.75, 0.5, 0.0])
    catch_up(table, velocity, last, left, way, np.array([1, 2, 1]))
    np.testing.assert_allclose(table, before - was * [[0], [0.5], [0]], rtol=1e-6)
    np.testing.assert_allclose(velocity, was * [[1], [0.5], [1]], rtol=1e-6)
    assert last.tolist() == [0, 2, 2]


def test_values_are_summed_by_place() -> None:
    values = draw(5, 3)
    found = sum_by_row(np.array([1, 0, 1, 1, 3]), values, 4)
    expected = np.stack([values[1], values[0] + values[2] + values[3], np.zeros(3), values[4]])
    np.testing.assert_allclose(found, expected, rtol=1e-6)
