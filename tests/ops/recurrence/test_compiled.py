"""The compiled recurrences: bits that do not depend on the batch, halves that stay apart, NaN that stays visible."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tagsmith.batching import Steps, time_steps
from tagsmith.ops.recurrence import compiled
from tagsmith.ops.recurrence.kinds import KINDS, kinds_with
from tagsmith.ops.simd.tiles import pack
from tests.support.recurrences import width

Array = NDArray[Any]
RAGGED = [13, 2, 30, 1, 1, 8, 30]
every_trained_kind = pytest.mark.parametrize("kind", kinds_with("autograd"))


def nan(*shape: int) -> Array:
    """An array as memory may come: full of NaN."""
    return np.full(shape, np.nan, np.float32)


class Case:
    """Random sentences, and all that the kernels leave behind for them. Every buffer is full of NaN before."""

    def __init__(self, kind: str, lengths: list[int], size: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.kind, self.steps, self.words, self.size = kind, time_steps(np.array(lengths)), sum(lengths), size
        self.products = rng.normal(size=(self.words, 2, width(kind, size))).astype(np.float32)
        self.state_weight = (rng.normal(size=(2, size, width(kind, size))) / size**0.5).astype(np.float32)
        self.grad_hidden = rng.normal(size=(self.words, 2 * size)).astype(np.float32)
        self.gates = self.products.copy()
        self.hidden, self.grad_products = nan(self.words, 2 * size), nan(*self.products.shape)
        self.before, self.kept = nan(self.words, 2, size), nan(self.words, 2, size)

    def forward(self, *directions: int) -> None:
        for d in directions or (0, 1):
            self.states(d, self.gates, self.hidden, self.before, self.kept)

    def states(self, d: int, products: Array, *rest: Array) -> None:
        """Run the kernel in one direction; the buffers after the states are for training."""
        steps: Steps = self.steps
        sentences = np.arange(self.words), steps.starts, steps.lengths, pack(self.state_weight[d])
        hidden, *buffers = rest
        KINDS[self.kind].compiled()(products, *sentences, d, hidden, *buffers)

    def backward(self, *directions: int) -> None:
        for d in directions or (0, 1):
            sentences = self.steps.starts, self.steps.lengths, pack(self.state_weight[d].T)
            if self.kind == "lstm":
                compiled.lstm_gradient(self.grad_hidden, *sentences, d, self.gates, self.kept, self.grad_products)
            else:
                kept = self.gates, self.before, self.kept
                compiled.gru_gradient(self.grad_hidden, *sentences, d, *kept, self.grad_products)


@pytest.mark.parametrize("kind", KINDS)
def test_a_sentence_has_the_same_bits_alone_and_in_any_batch(kind: str) -> None:
    lengths = np.array([3, 9, 1, 9, 4, 4, 12, 2, 2, 5, 1])
    together = Case(kind, lengths.tolist(), 37, 3)
    for d in (0, 1):
        together.states(d, together.products, together.hidden)
    for end, length in zip(np.cumsum(lengths), lengths, strict=True):
        alone, words = Case(kind, [int(length)], 37, 3), slice(end - length, end)
        alone.state_weight = together.state_weight
        for d in (0, 1):
            alone.states(d, together.products[words].copy(), alone.hidden)
        assert np.array_equal(alone.hidden, together.hidden[words])


@every_trained_kind
def test_a_sentence_has_the_same_gradient_alone_and_in_any_batch(kind: str) -> None:
    whole = Case(kind, RAGGED, 21, 3)
    whole.forward()
    whole.backward()
    alone = Case(kind, RAGGED[:2], 21, 3)
    for name in ("products", "grad_hidden"):
        setattr(alone, name, getattr(whole, name)[:15])
    alone.gates, alone.state_weight = alone.products.copy(), whole.state_weight
    alone.forward()
    alone.backward()
    np.testing.assert_array_equal(alone.hidden, whole.hidden[:15])
    np.testing.assert_array_equal(alone.grad_products, whole.grad_products[:15])


@every_trained_kind
@pytest.mark.parametrize("direction", [0, 1])
def test_each_direction_fills_its_own_half_alone(kind: str, direction: int) -> None:
    case = Case(kind, [5, 1, 9, 3], 6, 1)
    case.forward(direction)
    case.backward(direction)
    for filled in (case.hidden.reshape(-1, 2, case.size), case.before, case.kept, case.grad_products):
        assert np.isfinite(filled[:, direction]).all()
        assert np.isnan(filled[:, 1 - direction]).all()


@every_trained_kind
def test_training_and_tagging_have_the_same_states_to_the_bit(kind: str) -> None:
    case = Case(kind, RAGGED, 21, 2)
    case.forward()
    hidden = nan(*case.hidden.shape)
    for d in (0, 1):
        case.states(d, case.products, hidden)
    np.testing.assert_array_equal(hidden, case.hidden)


@every_trained_kind
def test_a_gradient_of_nan_stays_nan_and_stays_in_its_sentence(kind: str) -> None:
    case = Case(kind, [4, 3], 5, 4)
    case.forward()
    case.grad_hidden[1, 0] = np.nan
    case.backward()
    assert np.isnan(case.grad_products[:2, 0]).any(1).all()  # the word and the one before it
    assert np.isfinite(case.grad_products[4:]).all()
    assert np.isfinite(case.grad_products[2:4, 0]).all()
