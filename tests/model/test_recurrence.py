"""The recurrence and its written-out gradient, against PyTorch's LSTM on each sentence alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tagsmith.batching import Steps, time_steps
from tagsmith.model.recurrence import Recurrence

SIZE = 3
RAGGED = [[1], [4], [1, 1, 1], [3, 1, 5, 2, 5], [2, 2], [1, 6]]


def steps_of(lengths: list[int]) -> Steps:
    return time_steps(np.array(lengths))


def random_tensors(seed: int, words: int) -> tuple[Tensor, Tensor, Tensor]:
    """Input products in the order of the batch, state weights, and a gradient of the states."""
    generator = torch.Generator().manual_seed(seed)
    shapes = (2, words, 4 * SIZE), (2, SIZE, 4 * SIZE), (2, words, SIZE)
    inputs, state_weight, grad = (torch.randn(s, generator=generator, dtype=torch.float64) for s in shapes)
    return inputs.requires_grad_(), state_weight.requires_grad_(), grad


def in_order_of_batch(inputs: Tensor, state_weight: Tensor, lengths: list[int]) -> Tensor:
    """The recurrence's states, words in the order of the batch."""
    steps = steps_of(lengths)
    order = torch.from_numpy(steps.order)
    hidden = Recurrence.apply(torch.stack([inputs[d, order[d]] for d in (0, 1)]), state_weight, steps)
    assert isinstance(hidden, Tensor)
    return torch.stack([hidden[d, order[d].argsort()] for d in (0, 1)])


def torch_lstm(inputs: Tensor, state_weight: Tensor, lengths: list[int]) -> Tensor:
    """The states PyTorch's LSTM has in each sentence alone, forwards and backwards."""
    # The LSTM is called with weights that pass the input products through, in PyTorch's order of gates: i, f, g, o.
    gates = torch.arange(4 * SIZE).view(4, SIZE)[[0, 1, 3, 2]].flatten()
    lstm = torch.nn.LSTM(4 * SIZE, SIZE, bias=False, dtype=torch.float64)
    through = torch.eye(4 * SIZE, dtype=torch.float64)[gates]

    def run(products: Tensor, weight: Tensor) -> Tensor:
        weights = {"weight_ih_l0": through, "weight_hh_l0": weight.T[gates]}
        return torch.func.functional_call(lstm, weights, (products,))[0]

    directions = []
    for d in (0, 1):
        sentences = [sentence.flip(0) if d else sentence for sentence in inputs[d].split(lengths)]
        states = [run(sentence, state_weight[d]) for sentence in sentences]
        directions.append(torch.cat([state.flip(0) if d else state for state in states]))
    return torch.stack(directions)


def compare_with_torch(lengths: list[int], seed: int) -> None:
    inputs, state_weight, grad = random_tensors(seed, sum(lengths))
    expected = torch_lstm(inputs, state_weight, lengths)
    found = in_order_of_batch(inputs, state_weight, lengths)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)
    wanted = torch.autograd.grad(expected, (inputs, state_weight), grad)
    for ours, theirs in zip(torch.autograd.grad(found, (inputs, state_weight), grad), wanted, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("lengths", RAGGED, ids=str)
def test_values_and_gradients_are_those_of_pytorch(lengths: list[int]) -> None:
    compare_with_torch(lengths, seed=0)


@given(st.lists(st.integers(1, 6), min_size=1, max_size=6), st.integers(0, 2**31))
@settings(max_examples=20, deadline=None)
def test_values_and_gradients_are_those_of_pytorch_for_any_lengths(lengths: list[int], seed: int) -> None:
    compare_with_torch(lengths, seed)


@pytest.mark.parametrize("lengths", [[1], [3, 1, 2]], ids=str)
def test_the_gradient_is_that_of_finite_differences(lengths: list[int]) -> None:
    inputs, state_weight, _ = random_tensors(1, sum(lengths))
    assert torch.autograd.gradcheck(lambda x, w: Recurrence.apply(x, w, steps_of(lengths)), (inputs, state_weight))


def test_a_backward_pass_leaves_the_gradient_it_was_given_unchanged() -> None:
    inputs, state_weight, grad = random_tensors(2, 6)
    given_grad = grad.clone()
    hidden = Recurrence.apply(inputs, state_weight, steps_of([3, 1, 2]))
    torch.autograd.grad(hidden, (inputs, state_weight), grad)
    torch.testing.assert_close(grad, given_grad, rtol=0, atol=0)


def test_nothing_is_read_of_what_was_in_memory(dirty_memory: list[str]) -> None:
    compare_with_torch([3, 1, 5, 2, 5], seed=3)
    assert {"empty_like", "new_empty"} <= set(dirty_memory)
