"""The convolution over characters and its maximum, in compiled code, against loops and PyTorch in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tagsmith.ops.char_cnn.compiled import at_maxima, convolve_max, windows_gradient, windows_of
from tagsmith.ops.char_cnn.on_torch import convolve_max as torch_convolve_max
from tagsmith.ops.simd.tiles import pack_transposed

Array = NDArray[Any]
DIM, FILTERS = 3, 5
LENGTHS = st.lists(st.integers(1, 60), min_size=1, max_size=12)


def some(seed: int, *shape: int) -> Array:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def forward(seen: Array, lengths: list[int], weight: Array, bias: Array) -> tuple[Array, Array, Array]:
    windows = windows_of(seen, np.array(lengths), weight.shape[1] // seen.shape[1])
    return windows, *convolve_max(windows, np.array(lengths), pack_transposed(weight), bias)


@pytest.mark.parametrize("window", [1, 3, 5])
@given(LENGTHS, st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_values_and_gradients_are_those_of_pytorch(window: int, lengths: list[int], seed: int) -> None:
    arrays = some(seed, sum(lengths), DIM), some(seed + 1, FILTERS, window * DIM), some(seed + 2, FILTERS)
    grad = some(seed + 3, len(lengths), FILTERS)
    seen, weight, bias = (torch.from_numpy(array).double().requires_grad_() for array in arrays)
    expected = torch_convolve_max(seen, torch.tensor(lengths), weight, bias)
    windows, highest, where = forward(arrays[0], lengths, *arrays[1:])
    np.testing.assert_allclose(highest, expected.detach(), rtol=1e-5, atol=1e-5)
    wanted = torch.autograd.grad(expected, (seen, weight, bias), torch.from_numpy(grad).double())
    grad_filtered = at_maxima(grad, where, len(seen))
    found = (
        windows_gradient(grad_filtered @ arrays[1], np.array(lengths), window),
        grad_filtered.T @ windows,
        grad.sum(0),
    )
    for ours, theirs in zip(found, wanted, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5 * len(lengths))


def test_of_equal_maxima_the_first_one_has_the_gradient() -> None:
    seen, weight = np.array([[1], [3], [3], [2], [5], [5]], np.float32), np.ones((1, 1), np.float32)
    _, highest, where = forward(seen, [4, 2], weight, np.zeros(1, np.float32))
    assert highest.tolist() == [[3.0], [5.0]]
    assert where.tolist() == [[1], [4]]
    assert at_maxima(np.array([[7], [9]], np.float32), where, 6).tolist() == [[0], [7], [0], [0], [9], [0]]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_nan_is_above_all_and_stays_in_its_word(place: int) -> None:
    seen, weight = some(0, 5, 1), np.ones((2, 1), np.float32)
    seen[1 + place] = np.nan
    _, highest, where = forward(seen, [1, 3, 1], weight, np.zeros(2, np.float32))
    assert np.isnan(highest[1]).all()
    assert where[1].tolist() == [1 + place] * 2
    assert np.isfinite(highest[[0, 2]]).all()


def test_zeros_around_a_word_are_seen_but_are_no_places_of_their_own() -> None:
    seen = np.ones((4, 1), np.float32)
    middle, left = np.array([[0, -1, 0]], np.float32), np.array([[1, 0, 0]], np.float32)
    nothing = np.zeros(1, np.float32)
    assert forward(seen, [1, 3], middle, nothing)[1].tolist() == [[-1.0], [-1.0]]
    assert forward(seen, [1, 1, 2], left, nothing)[1].tolist() == [[0.0], [0.0], [1.0]]


def test_a_window_wider_than_its_word_sees_all_of_it_and_zeros() -> None:
    windows = windows_of(np.array([[1], [2], [9]], np.float32), np.array([2, 1]), 5)
    assert windows.tolist() == [[0, 0, 1, 2, 0], [0, 1, 2, 0, 0], [0, 0, 9, 0, 0]]
    assert windows_gradient(windows, np.array([2, 1]), 5).tolist() == [[2], [4], [9]]
