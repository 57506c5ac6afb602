"""The LSTM in compiled code, forwards and backwards, against the plain recurrence in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tagsmith.batching import Steps, time_steps
from tagsmith.ops.recurrence.compiled import lstm, lstm_gradient
from tagsmith.ops.recurrence.on_torch import LSTMStates
from tagsmith.ops.simd.tiles import LANES, PANEL, ROWS, pack

Array = NDArray[Any]
RAGGED = st.lists(st.integers(1, 60), min_size=1, max_size=15)
SIZES = st.sampled_from([1, 3, LANES, LANES + 1, PANEL, PANEL + LANES + 5])


def nan(*shape: int) -> Array:
    """An array as memory may come: full of NaN."""
    return np.full(shape, np.nan, np.float32)


class Case:
    """Random sentences, and all that the kernels leave behind for them; every buffer is full of NaN before."""

    def __init__(self, lengths: list[int], size: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.steps: Steps = time_steps(np.array(lengths))
        self.words, self.size = sum(lengths), size
        self.products = rng.normal(size=(self.words, 2, 4 * size)).astype(np.float32)
        self.state_weight = (rng.normal(size=(2, size, 4 * size)) / size**0.5).astype(np.float32)
        self.grad_hidden = rng.normal(size=(self.words, 2 * size)).astype(np.float32)
        self.gates = self.products.copy()
        self.hidden, self.grad_products = nan(self.words, 2 * size), nan(self.words, 2, 4 * size)
        self.before, self.cells = nan(self.words, 2, size), nan(self.words, 2, size)

    def forward(self, directions: tuple[int, ...] = (0, 1)) -> None:
        for d in directions:
            where = np.arange(self.words), self.steps.starts, self.steps.lengths, pack(self.state_weight[d])
            lstm(self.gates, *where, d, self.hidden, self.before, self.cells)

    def backward(self, directions: tuple[int, ...] = (0, 1)) -> None:
        for d in directions:
            where = self.steps.starts, self.steps.lengths, pack(self.state_weight[d].T)
            lstm_gradient(self.grad_hidden, *where, d, self.gates, self.cells, self.grad_products)

    def plain(self) -> tuple[Array, Array, Array]:
        """States, and the gradients of the input products and the state weight, by PyTorch in float64."""
        order = torch.from_numpy(self.steps.order)
        products, weight = (torch.from_numpy(a).double().requires_grad_() for a in (self.products, self.state_weight))
        in_time: Any = LSTMStates.apply(torch.stack([products[order[d], d] for d in (0, 1)]), weight, self.steps)
        hidden = torch.cat([in_time[d, order[d].argsort()] for d in (0, 1)], 1)
        grad = torch.from_numpy(self.grad_hidden).double()
        grad_products, grad_weight = torch.autograd.grad(hidden, (products, weight), grad)
        return hidden.detach().numpy(), grad_products.numpy(), grad_weight.numpy()


def close(found: Array, expected: Array) -> None:
    """To some 20 units in float32's last place, of the largest number of all."""
    np.testing.assert_allclose(found, expected, rtol=0, atol=3e-6 * max(1.0, np.abs(expected).max()))


@given(RAGGED, SIZES, st.integers(0, 2**32 - 1))
@example([40, 25, 20, 15, 12, 10, 8, 6, 5, 4], 200, 0)
@example([1], 1, 0)
@example([7] * ROWS + [7], 5, 0)
@settings(max_examples=30, deadline=None)
def test_states_and_gradients_are_those_of_the_plain_recurrence(lengths: list[int], size: int, seed: int) -> None:
    case = Case(lengths, size, seed)
    hidden, grad_products, grad_state_weight = case.plain()
    case.forward()
    close(case.hidden, hidden)
    case.backward()
    close(case.grad_products, grad_products)
    for d in (0, 1):
        close(case.before[:, d].T @ case.grad_products[:, d], grad_state_weight[d])


@pytest.mark.parametrize("direction", [0, 1])
def test_each_direction_fills_its_own_half_alone(direction: int) -> None:
    case, size = Case([5, 1, 9, 3], 6, 1), 6
    case.forward((direction,))
    case.backward((direction,))
    halves = [case.hidden.reshape(-1, 2, size), case.before, case.cells, case.grad_products]
    for filled in halves:
        assert np.isfinite(filled[:, direction]).all()
        assert np.isnan(filled[:, 1 - direction]).all()


def test_training_and_tagging_have_the_same_states_to_the_bit() -> None:
    case = Case([13, 2, 30, 1, 1, 8, 30], 21, 2)
    case.forward()
    hidden = nan(*case.hidden.shape)
    for d in (0, 1):
        where = np.arange(case.words), case.steps.starts, case.steps.lengths, pack(case.state_weight[d])
        lstm(case.products, *where, d, hidden)
    np.testing.assert_array_equal(hidden, case.hidden)


def test_a_sentence_has_the_same_states_and_gradients_to_the_bit_whatever_stands_beside_it() -> None:
    whole = Case([13, 2, 30, 1, 1, 8, 30], 21, 3)
    whole.forward()
    whole.backward()
    alone = Case([13, 2], 21, 3)
    for name in ("products", "grad_hidden"):
        setattr(alone, name, getattr(whole, name)[:15])
    alone.gates, alone.state_weight = alone.products.copy(), whole.state_weight
    alone.forward()
    alone.backward()
    np.testing.assert_array_equal(alone.hidden, whole.hidden[:15])
    np.testing.assert_array_equal(alone.grad_products, whole.grad_products[:15])


def test_a_gradient_of_nan_stays_nan_and_stays_in_its_sentence() -> None:
    case = Case([4, 3], 5, 4)
    case.forward()
    case.grad_hidden[1, 0] = np.nan
    case.backward()
    assert np.isnan(case.grad_products[:2, 0]).any(1).all()  # the word and the one before it
    assert np.isfinite(case.grad_products[4:]).all()
    assert np.isfinite(case.grad_products[2:4, 0]).all()
