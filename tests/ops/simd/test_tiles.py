"""Products of compiled tiles against NumPy's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagsmith.ops.simd.tiles import LANES, PANEL, ROWS, add_product, pack, pack_transposed, product, whole_vectors

SEEDS = st.integers(0, 2**32 - 1)


def floats(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("columns", [1, 17, PANEL - 1, PANEL, PANEL + 1, 3 * PANEL])
def test_a_packed_weight_holds_every_column_and_zeros_after_the_last(columns: int):
    weight = floats(np.random.default_rng(0), 7, columns)
    packed = pack(weight)
    assert packed.shape == (-(-columns // PANEL), 7, PANEL)
    assert np.array_equal(pack_transposed(np.ascontiguousarray(weight.T)), packed)
    flat = packed.swapaxes(0, 1).reshape(7, -1)
    assert np.array_equal(flat[:, :columns], weight)
    assert not flat[:, columns:].any()
    assert np.array_equal(pack_transposed(np.ascontiguousarray(weight.T)), packed)


@given(st.integers(0, 20), st.integers(1, 40), st.integers(1, 3 * PANEL), SEEDS)
def test_a_product_is_numpys(rows: int, depth: int, columns: int, seed: int):
    rng = np.random.default_rng(seed)
    a, weight, bias = floats(rng, rows, depth), floats(rng, depth, columns), floats(rng, columns)
    wide = np.zeros(whole_vectors(columns), np.float32)
    wide[:columns] = bias
    found = product(a, pack(weight), wide)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[:, :columns], a @ weight + bias, rtol=0, atol=1e-4)
    assert not found[:, columns:].any()


@given(st.integers(1, 30), st.integers(1, 3 * PANEL), SEEDS)
def test_a_row_has_the_same_bits_whatever_stands_beside_it(depth: int, columns: int, seed: int):
    rng = np.random.default_rng(seed)
    a, packed = floats(rng, 23, depth), pack(floats(rng, depth, columns))
    bias = floats(rng, whole_vectors(columns))
    together = product(a, packed, bias)
    for rows in range(1, ROWS + 2):
        for first in (0, 5):
            assert np.array_equal(product(a[first : first + rows], packed, bias), together[first : first + rows])


@pytest.mark.parametrize("columns", [LANES, PANEL + LANES, 2 * PANEL])
@pytest.mark.parametrize("rows", range(1, ROWS + 1))
def test_only_the_rows_asked_for_are_read_and_written(rows: int, columns: int):
    rng = np.random.default_rng(rows)
    a, out = np.full((ROWS + 4, 9), np.nan, np.float32), np.full((ROWS + 4, columns), np.nan, np.float32)
    weight = floats(rng, 9, columns)
    a[3 : 3 + rows], out[2 : 2 + rows] = floats(rng, rows, 9), 1
    add_product(out, 2, a, 3, rows, pack(weight))
    np.testing.assert_allclose(out[2 : 2 + rows], 1 + a[3 : 3 + rows] @ weight, rtol=0, atol=1e-5)
    assert np.isnan(out[:2]).all()
    assert np.isnan(out[2 + rows :]).all()


def test_infinity_and_nan_pass_through():
    weight = np.ones((2, 3), np.float32)
    bias = np.zeros(whole_vectors(3), np.float32)
    found = product(np.array([[1, np.inf], [np.nan, 1], [np.inf, -np.inf]], np.float32), pack(weight), bias)
    assert np.isposinf(found[0, :3]).all()
    assert np.isnan(found[1:, :3]).all()
