"""The recurrence in bytes: its sums against whole numbers, its states against the same in NumPy and against float32."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numba
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numba.core import config
from numpy.typing import NDArray

from tagsmith.batching import time_steps
from tagsmith.ops.recurrence import int8
from tagsmith.ops.recurrence import reference as recurrence_reference

Array = NDArray[Any]
SEEDS = st.integers(0, 2**32 - 1)
LENGTHS = st.lists(st.integers(1, 6), min_size=1, max_size=14).map(lambda lengths: sorted(lengths, reverse=True))
compiled = pytest.mark.skipif(not int8.can_run(), reason="needs a processor with AVX-512 VNNI")


def unpacked(weight: int8.QuantizedWeight, size: int) -> tuple[Array, Array]:
    """The bytes of a quantised weight [H, 4H] and the scales [4H] of its columns, read off place by place."""
    found, scales = np.zeros((size, 4 * size), np.int64), np.zeros(4 * size)
    for k in range(size):
        for column in range(4 * size):
            gate, unit = divmod(column, size)
            panel, lane = divmod(unit, int8.LANES)
            found[k, column] = weight.packed[panel, k // 4, gate, lane, k % 4]
            scales[column] = weight.scales[panel, gate, lane]
    return found, scales


def batch(seed: int, lengths: list[int], size: int, spread: float = 1.0) -> tuple[Array, ...]:
    """Products, row_of, starts and lengths as ``lstm`` takes them, and the weights of both directions."""
    rng = np.random.default_rng(seed)
    count = sum(lengths)
    products = rng.normal(0, spread, (count + 3, 2, 4 * size)).astype(np.float32)
    sizes = np.array(lengths)
    weights = rng.normal(0, 1 / np.sqrt(size), (2, size, 4 * size)).astype(np.float32)
    return products, rng.integers(0, count + 3, count), np.cumsum(sizes) - sizes, sizes, weights


def states(recurrence: Any, *given: Array, size: int) -> Array:
    """States of both directions. Shape: [N, 2H]."""
    *rest, weights = given
    out = np.full((len(rest[1]), 2 * size), np.nan, np.float32)
    for direction in (0, 1):
        recurrence(*rest, int8.quantize(weights[direction]), direction, out)
    return out


# The weight


@given(st.integers(1, 21), SEEDS)
@settings(max_examples=20, deadline=None)
def test_a_weight_is_rounded_to_127_steps_of_its_columns_largest_number(size: int, seed: int) -> None:
    weight = np.random.default_rng(seed).normal(0, 3, (size, 4 * size)).astype(np.float32)
    found, scales = unpacked(int8.quantize(weight), size)
    largest = np.abs(weight).max(0)
    assert np.abs(found).max(0).tolist() == [127] * (4 * size)
    np.testing.assert_allclose(scales, largest / 127 / 127, rtol=1e-6)
    assert (np.abs(weight - found * (largest / 127)) <= largest / 127 * 0.5001).all()


def test_a_column_of_zeros_stays_one_and_so_does_all_beyond_the_last_unit() -> None:
    weight = np.ones((5, 20), np.float32)
    weight[:, 7] = 0
    quantized = int8.quantize(weight)
    found, scales = unpacked(quantized, 5)
    assert (scales[7], found[:, 7].tolist()) == (0, [0] * 5)
    assert np.abs(quantized.packed).sum() == 19 * 5 * 127
    assert np.count_nonzero(quantized.scales) == np.count_nonzero(quantized.zeros) == 19
    assert quantized.packed.shape == (1, 2, 4, int8.LANES, 4)


# The sums


@given(st.integers(1, 40), st.integers(1, 7), SEEDS)
@settings(max_examples=20, deadline=None)
def test_plain_sums_are_those_of_whole_numbers(size: int, rows: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    weight = int8.quantize(rng.normal(size=(size, 4 * size)).astype(np.float32))
    h = rng.integers(1, 256, (rows, size)).astype(np.uint8)
    expected = (h.astype(np.int64) - 128) @ unpacked(weight, size)[0]
    assert int8.plain_sums(h, weight).tolist() == expected.tolist()


@numba.njit
def compiled_sums(h: Array, rows: int, packed: Array, zeros: Array) -> Array:
    """The sums of every panel. Shape: [P, ROWS, 4, LANES]."""
    found = np.full((len(packed), int8.ROWS, 4, int8.LANES), 99, np.int32)
    for panel in range(len(packed)):
        int8.tile(found[panel], rows, h, 1, packed, zeros, panel)
    return found


def check_sums(size: int, rows: int, h: Array, weight: int8.QuantizedWeight) -> None:
    """That compiled and plain sums of so many rows are equal, and that the other rows are left as they were."""
    bytes_of_both = np.full((2, int8.ROWS, len(weight.packed) * int8.LANES), 255, np.uint8)
    bytes_of_both[1, :rows, :size] = h
    found = compiled_sums(bytes_of_both, rows, weight.packed, weight.zeros)
    by_column = found[:, :rows].transpose(1, 2, 0, 3).reshape(rows, 4, -1)[:, :, :size].reshape(rows, 4 * size)
    assert by_column.tolist() == int8.plain_sums(h, weight).tolist()
    assert (found[:, rows:] == 99).all()


@compiled
@given(st.integers(1, 40), st.integers(1, int8.ROWS), SEEDS)
@example(200, 6, 0)
@settings(max_examples=50, deadline=None)
def test_compiled_sums_are_the_plain_ones_bit_for_bit(size: int, rows: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    weight = int8.quantize(rng.normal(size=(size, 4 * size)).astype(np.float32))
    check_sums(size, rows, rng.integers(0, 256, (rows, size)).astype(np.uint8), weight)


@compiled
@pytest.mark.parametrize("state", [0, 1, 127, 128, 255])
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_sums_of_the_largest_numbers_are_not_cut_off(state: int, sign: float) -> None:
    size = 1_022  # sums of 16 bits would end at 2 of these products
    weight = int8.quantize(np.full((size, 4 * size), sign, np.float32))
    check_sums(size, 6, np.full((6, size), state, np.uint8), weight)
    assert int8.plain_sums(np.full((1, size), state, np.uint8), weight)[0, -1] == (state - 128) * sign * 127 * size


def test_the_sums_of_the_largest_encoder_fit_into_32_bits() -> None:
    assert 255 * 127 * 65_536 < 2**31


# The cells


def exact_cell(i: Array, f: Array, o: Array, g: Array, c: Array) -> tuple[Array, Array]:
    c = recurrence_reference.sigmoid(f) * c + recurrence_reference.sigmoid(i) * np.tanh(g)
    return c, recurrence_reference.sigmoid(o) * np.tanh(c)


@pytest.mark.parametrize("spread", [0.1, 1.0, 4.0, 100.0])
def test_a_cell_is_near_the_exact_one(spread: float) -> None:
    sums = np.random.default_rng(0).normal(0, spread, (5, 100_000))
    sums[4] = np.clip(sums[4], -40, 40)
    found = int8.cell(*sums.astype(np.float32))
    for value, exact in zip(found, exact_cell(*sums), strict=True):
        assert value.dtype == np.float32
        assert (np.abs(value - exact) / (1 + np.abs(sums[4]))).max() < 1e-4
    assert np.abs(found[1]).max() <= 1


# The recurrence

SHAPES = [(1, [1]), (5, [4, 2, 1]), (16, [3] * 7), (21, [9, 8, 8, 5, 5, 2, 1]), (50, [12, 3]), (64, [5, 4, 4, 4, 4, 4])]


@pytest.mark.parametrize(("size", "lengths"), SHAPES)
@pytest.mark.parametrize("spread", [1.0, 30.0])
@compiled
def test_compiled_states_are_the_plain_ones(size: int, lengths: list[int], spread: float) -> None:
    # One state in many thousand lies so near the middle of two bytes that the last bit of a float decides between
    # them, and what comes after it differs by the weight of a byte: not in these batches.
    given = batch(size, lengths, size, spread)
    found = states(int8.lstm, *given, size=size)
    np.testing.assert_allclose(found, states(int8.plain_lstm, *given, size=size), rtol=0, atol=2e-6)


RECURRENCES = [pytest.param(int8.plain_lstm, id="plain"), pytest.param(int8.lstm, id="compiled", marks=compiled)]


@pytest.mark.parametrize("recurrence", RECURRENCES)
@pytest.mark.parametrize(("size", "lengths"), [(21, [9, 8, 8, 5, 5, 2, 1]), (100, [20, 18, 7])])
@pytest.mark.parametrize("spread", [1.0, 10.0])
def test_states_are_near_those_of_float32(recurrence: Any, size: int, lengths: list[int], spread: float) -> None:
    given = batch(1, lengths, size, spread)
    products, row_of, _, sizes, weights = given
    found = states(recurrence, *given, size=size)
    steps = time_steps(sizes)
    for direction, order in enumerate(steps.order):
        exact = recurrence_reference.lstm(products[row_of[order], direction], weights[direction], steps.counts)
        difference = np.abs(found[order, direction * size :][:, :size] - exact)
        assert difference.max() < 0.02
        assert difference.mean() < 0.002


@compiled
@given(LENGTHS, st.integers(1, 40), SEEDS)
@settings(max_examples=40, deadline=None)
def test_a_sentence_has_the_same_states_alone_and_in_any_batch(lengths: list[int], size: int, seed: int) -> None:
    given = batch(seed, lengths, size)
    products, row_of, starts, sizes, weights = given
    together = states(int8.lstm, *given, size=size)
    assert np.isfinite(together).all()
    for start, length in zip(starts, sizes, strict=True):
        words = slice(start, start + length)
        alone = (products, row_of[words], np.array([0]), np.array([length]), weights)
        assert states(int8.lstm, *alone, size=size).tobytes() == together[words].tobytes()


@compiled
def test_a_direction_fills_its_half_and_changes_nothing_else() -> None:
    products, row_of, starts, sizes, weights = batch(3, [4, 2], 9)
    weight = int8.quantize(weights[0])
    before = [array.copy() for array in (products, row_of, starts, sizes, *weight)]
    out = np.full((6, 18), np.nan, np.float32)
    int8.lstm(products, row_of, starts, sizes, weight, 1, out)
    assert np.isnan(out[:, :9]).all()
    assert np.isfinite(out[:, 9:]).all()
    for array, copy in zip((products, row_of, starts, sizes, *weight), before, strict=True):
        assert array.tobytes() == copy.tobytes()


@compiled
def test_what_is_not_a_number_stays_visible() -> None:
    products, row_of, starts, sizes, weights = batch(3, [4], 5)
    products[row_of[2], 0, 1] = np.nan
    found = states(int8.lstm, products, row_of, starts, sizes, weights, size=5)
    assert np.isfinite(found[:2, :5]).all()
    assert np.isnan(found[2, 1])


@compiled
def test_no_sentences_are_no_work() -> None:
    none = np.zeros(0, np.int64)
    weight = int8.quantize(np.ones((5, 20), np.float32))
    int8.lstm(np.zeros((0, 2, 20), np.float32), none, none, none, weight, 0, np.zeros((0, 10), np.float32))


# Where it runs


@pytest.mark.parametrize(("features", "can"), [("", False), ("+avx512f,+avx512vnni", True), ("-avx512vnni", False)])
def test_it_runs_where_numba_compiles_for_the_instruction(
    features: str, can: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config, "CPU_FEATURES", features)
    assert int8.can_run() is can


def test_without_the_instruction_the_plain_one_is_there() -> None:
    program = """
import numpy as np
from tagsmith.ops.recurrence import int8
assert not int8.can_run()
out = np.zeros((2, 2), np.float32)
weight = int8.quantize(np.ones((1, 4), np.float32))
ids = np.zeros(2, np.int64), np.array([0]), np.array([2])
int8.plain_lstm(np.ones((1, 2, 4), np.float32), *ids, weight, 0, out)
print(out[:, 0].round(3))
"""
    environment = {**os.environ, "NUMBA_CPU_NAME": "generic"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[0.37  0.651]\n", "")
