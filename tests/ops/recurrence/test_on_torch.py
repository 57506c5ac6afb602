"""The recurrences in PyTorch and their gradients, compared with PyTorch's modules on each sentence alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tagsmith.batching import time_steps
from tagsmith.ops.recurrence.kinds import KINDS
from tagsmith.ops.recurrence.on_torch import read_both_ways
from tests.support.recurrences import module_states, width

SIZE = 3
RAGGED = [[1], [4], [1, 1, 1], [3, 1, 5, 2, 5], [2, 2], [1, 6]]
every_kind = pytest.mark.parametrize("kind", KINDS)


def random_tensors(kind: str, seed: int, words: int) -> tuple[Tensor, Tensor, Tensor]:
    """Input products in the order of the batch, state weights, and a gradient of the states."""
    generator = torch.Generator().manual_seed(seed)
    shapes = (2, words, width(kind, SIZE)), (2, SIZE, width(kind, SIZE)), (2, words, SIZE)
    products, state_weight, grad = (torch.randn(s, generator=generator, dtype=torch.float64) for s in shapes)
    return products.requires_grad_(), state_weight.requires_grad_(), grad


def in_order_of_batch(kind: str, products: Tensor, state_weight: Tensor, lengths: list[int]) -> Tensor:
    """The recurrence's states, words in the order of the batch."""
    steps = time_steps(np.array(lengths))
    order = torch.from_numpy(steps.order)
    hidden = KINDS[kind].on_torch()(torch.stack([products[d, order[d]] for d in (0, 1)]), state_weight, steps)
    return torch.stack([hidden[d, order[d].argsort()] for d in (0, 1)])


def compare_with_modules(kind: str, lengths: list[int], seed: int) -> None:
    products, state_weight, grad = random_tensors(kind, seed, sum(lengths))
    expected = module_states(kind, products, state_weight, lengths)
    found = in_order_of_batch(kind, products, state_weight, lengths)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)
    wanted = torch.autograd.grad(expected, (products, state_weight), grad)
    for ours, theirs in zip(torch.autograd.grad(found, (products, state_weight), grad), wanted, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-11)


@every_kind
@pytest.mark.parametrize("lengths", RAGGED, ids=str)
def test_values_and_gradients_are_those_of_pytorch(kind: str, lengths: list[int]) -> None:
    compare_with_modules(kind, lengths, seed=0)


@every_kind
@given(st.lists(st.integers(1, 6), min_size=1, max_size=6), st.integers(0, 2**31))
@settings(max_examples=20, deadline=None)
def test_values_and_gradients_are_those_of_pytorch_for_any_lengths(kind: str, lengths: list[int], seed: int) -> None:
    compare_with_modules(kind, lengths, seed)


@every_kind
@pytest.mark.parametrize("lengths", [[1], [3, 1, 2]], ids=str)
def test_the_gradient_is_that_of_finite_differences(kind: str, lengths: list[int]) -> None:
    products, state_weight, _ = random_tensors(kind, 1, sum(lengths))
    steps, states = time_steps(np.array(lengths)), KINDS[kind].on_torch()
    assert torch.autograd.gradcheck(lambda x, w: states(x, w, steps), (products, state_weight))


@every_kind
def test_a_backward_pass_leaves_its_gradient_unchanged(kind: str) -> None:
    products, state_weight, grad = random_tensors(kind, 2, 6)
    given_grad = grad.clone()
    hidden = KINDS[kind].on_torch()(products, state_weight, time_steps(np.array([3, 1, 2])))
    torch.autograd.grad(hidden, (products, state_weight), grad)
    torch.testing.assert_close(grad, given_grad, rtol=0, atol=0)


@every_kind
def test_no_memory_is_read_before_it_is_written(kind: str, dirty_memory: list[str]) -> None:
    compare_with_modules(kind, [3, 1, 5, 2, 5], seed=3)
    assert "empty_like" in dirty_memory
    assert kind == "rnn" or "new_empty" in dirty_memory


@every_kind
def test_both_directions_are_side_by_side_in_the_order_of_the_batch(kind: str) -> None:
    lengths, rng = [2, 4, 1, 3], np.random.default_rng(4)
    columns = width(kind, SIZE)
    shapes = (10, 5), (2, 5, columns), (2, SIZE, columns), (2, columns)
    inputs, input_weight, state_weight, bias = (torch.from_numpy(rng.normal(size=shape)) for shape in shapes)
    found = read_both_ways(inputs, time_steps(np.array(lengths)), kind, input_weight, state_weight, bias)
    products = torch.stack([inputs @ input_weight[d] + bias[d] for d in (0, 1)])
    expected = torch.cat([*module_states(kind, products, state_weight, lengths)], 1)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)
