"""Every implementation of the character CNN, compared with the reference: ragged, with gradients, in its path."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tagsmith.ops.char_cnn import compiled
from tagsmith.ops.char_cnn.on_torch import ACTIVATIONS, char_cnn
from tagsmith.ops.char_cnn.reference import char_cnn as reference
from tagsmith.ops.simd.tiles import pack_transposed

DIM, FILTERS = 3, 5
RAGGED = st.lists(st.integers(1, 60), min_size=1, max_size=12)
SEEDS = st.integers(0, 2**31)
every_window = pytest.mark.parametrize("window", [1, 3, 5])


def problem(seed: int, lengths: list[int], window: int) -> tuple[np.ndarray, ...]:
    """Characters, word lengths, their vectors, weight and bias."""
    rng = np.random.default_rng(seed)
    shapes = (6, DIM), (FILTERS, window * DIM), (FILTERS,)
    arrays = (rng.normal(size=shape).astype(np.float32) for shape in shapes)
    return rng.integers(0, 6, sum(lengths)), np.array(lengths), *arrays


@every_window
@given(RAGGED, SEEDS)
@settings(max_examples=20, deadline=None)
def test_the_compiled_kernel_has_the_references_vectors(window: int, lengths: list[int], seed: int) -> None:
    chars, word_lengths, vectors, weight, bias = problem(seed, lengths, window)
    windows = compiled.unfold(vectors[chars], word_lengths, window)
    highest, _ = compiled.convolve_max(windows, word_lengths, pack_transposed(weight), bias)
    expected = reference(chars, word_lengths, vectors, weight, bias)
    np.testing.assert_allclose(highest, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_training_has_the_references_vectors(activation: str, dtype: torch.dtype) -> None:
    chars, word_lengths, *arrays = problem(0, [3, 1, 7, 2], 3)
    vectors, weight, bias = (torch.from_numpy(array).to(dtype) for array in arrays)
    found = ACTIVATIONS[activation](char_cnn(vectors[chars], torch.from_numpy(word_lengths), weight, bias))
    expected = reference(chars, word_lengths, arrays[0], arrays[1], arrays[2], activation)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def values_and_gradients(seed: int, lengths: list[int], window: int, dtype: torch.dtype) -> list[Tensor]:
    chars, word_lengths, vectors, *weights = problem(seed, lengths, window)
    given = [torch.from_numpy(array).to(dtype).requires_grad_() for array in (vectors[chars], *weights)]
    embedded, weight, bias = given
    found = char_cnn(embedded, torch.from_numpy(word_lengths), weight, bias)
    grad = torch.linspace(-1, 1, found.numel(), dtype=dtype).view_as(found)
    return [found, *torch.autograd.grad(found, given, grad)]


@every_window
@given(RAGGED, SEEDS)
@settings(max_examples=20, deadline=None)
def test_training_in_float32_has_the_values_and_gradients_of_float64(
    window: int, lengths: list[int], seed: int
) -> None:
    both = (values_and_gradients(seed, lengths, window, dtype) for dtype in (torch.float32, torch.float64))
    for ours, exact in zip(*both, strict=True):
        assert ours.dtype == torch.float32
        torch.testing.assert_close(ours.double(), exact, rtol=1e-5, atol=1e-5 * len(lengths))


def test_float32_on_a_cpu_runs_compiled_and_nothing_else_does(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    for name in ("convolve_max", "max_gradient"):
        kernel = getattr(compiled, name)

        def call(*args: Any, name: str = name, kernel: Any = kernel) -> Any:
            calls.append(name)
            return kernel(*args)

        monkeypatch.setattr(compiled, name, call)
    values_and_gradients(0, [3, 1], 3, torch.float64)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        values_and_gradients(0, [3, 1], 3, torch.float32)
    assert calls == []
    values_and_gradients(0, [3, 1], 3, torch.float32)
    assert calls == ["convolve_max", "max_gradient"]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_first_of_equal_maxima_has_the_gradient(dtype: torch.dtype) -> None:
    embedded = torch.tensor([[2.0], [3.0], [3.0], [1.0], [1.0]], dtype=dtype, requires_grad=True)
    weight, lengths = torch.ones(1, 1, dtype=dtype), torch.tensor([3, 2])
    (grad,) = torch.autograd.grad(char_cnn(embedded, lengths, weight, torch.zeros(1, dtype=dtype)).sum(), embedded)
    assert grad.flatten().tolist() == [0, 1, 0, 1, 0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("place", [0, 2])
def test_nan_shows_in_its_word_alone(place: int, dtype: torch.dtype) -> None:
    embedded = torch.ones(4, 1, dtype=dtype)
    embedded[place] = torch.nan
    highest = char_cnn(embedded, torch.tensor([3, 1]), torch.ones(1, 1, dtype=dtype), torch.zeros(1, dtype=dtype))
    assert highest.isnan().flatten().tolist() == [True, False]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_no_memory_is_read_before_it_is_written(dtype: torch.dtype, request: pytest.FixtureRequest) -> None:
    expected = values_and_gradients(2, [3, 7, 1], 3, dtype)
    request.getfixturevalue("dirty_memory")
    for ours, theirs in zip(values_and_gradients(2, [3, 7, 1], 3, dtype), expected, strict=True):
        assert torch.equal(ours, theirs)
