"""The compiled convolution over characters: equal maxima, NaN, and words narrower than a window."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tagsmith.ops.char_cnn.compiled import convolve_max, max_gradient, unfold, unfold_gradient
from tagsmith.ops.simd.tiles import pack_transposed

Array = NDArray[Any]


def some(seed: int, *shape: int) -> Array:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def forward(embedded: Array, lengths: list[int], weight: Array, bias: Array) -> tuple[Array, Array, Array]:
    windows = unfold(embedded, np.array(lengths), weight.shape[1] // embedded.shape[1])
    return windows, *convolve_max(windows, np.array(lengths), pack_transposed(weight), bias)


def test_of_equal_maxima_the_first_one_has_the_gradient() -> None:
    embedded, weight = np.array([[1], [3], [3], [2], [5], [5]], np.float32), np.ones((1, 1), np.float32)
    _, highest, argmax = forward(embedded, [4, 2], weight, np.zeros(1, np.float32))
    assert highest.tolist() == [[3.0], [5.0]]
    assert argmax.tolist() == [[1], [4]]
    assert max_gradient(np.array([[7], [9]], np.float32), argmax, 6).tolist() == [[0], [7], [0], [0], [9], [0]]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_nan_is_above_all_and_stays_in_its_word(place: int) -> None:
    embedded, weight = some(0, 5, 1), np.ones((2, 1), np.float32)
    embedded[1 + place] = np.nan
    _, highest, argmax = forward(embedded, [1, 3, 1], weight, np.zeros(2, np.float32))
    assert np.isnan(highest[1]).all()
    assert argmax[1].tolist() == [1 + place] * 2
    assert np.isfinite(highest[[0, 2]]).all()


def test_zeros_around_a_word_are_seen_but_are_no_places_of_their_own() -> None:
    embedded = np.ones((4, 1), np.float32)
    middle, left = np.array([[0, -1, 0]], np.float32), np.array([[1, 0, 0]], np.float32)
    nothing = np.zeros(1, np.float32)
    assert forward(embedded, [1, 3], middle, nothing)[1].tolist() == [[-1.0], [-1.0]]
    assert forward(embedded, [1, 1, 2], left, nothing)[1].tolist() == [[0.0], [0.0], [1.0]]


def test_a_window_wider_than_its_word_holds_all_of_it_and_zeros() -> None:
    windows = unfold(np.array([[1], [2], [9]], np.float32), np.array([2, 1]), 5)
    assert windows.tolist() == [[0, 0, 1, 2, 0], [0, 1, 2, 0, 0], [0, 0, 9, 0, 0]]
    assert unfold_gradient(windows, np.array([2, 1]), 5).tolist() == [[2], [4], [9]]
