"""The recurrences and their written-out gradients, against PyTorch's modules on each sentence alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tagsmith.batching import Steps, time_steps
from tagsmith.ops.recurrence.on_torch import RECURRENCES, read_both_ways

SIZE = 3
GATES = {"lstm": 4, "rnn": 1}
RAGGED = [[1], [4], [1, 1, 1], [3, 1, 5, 2, 5], [2, 2], [1, 6]]
every_kind = pytest.mark.parametrize("kind", GATES)


def steps_of(lengths: list[int]) -> Steps:
    return time_steps(np.array(lengths))


def random_tensors(kind: str, seed: int, words: int) -> tuple[Tensor, Tensor, Tensor]:
    """Input products in the order of the batch, state weights, and a gradient of the states."""
    generator = torch.Generator().manual_seed(seed)
    width = GATES[kind] * SIZE
    shapes = (2, words, width), (2, SIZE, width), (2, words, SIZE)
    inputs, state_weight, grad = (torch.randn(s, generator=generator, dtype=torch.float64) for s in shapes)
    return inputs.requires_grad_(), state_weight.requires_grad_(), grad


def in_order_of_batch(kind: str, inputs: Tensor, state_weight: Tensor, lengths: list[int]) -> Tensor:
    """The recurrence's states, words in the order of the batch."""
    steps = steps_of(lengths)
    order = torch.from_numpy(steps.order)
    hidden = RECURRENCES[kind].apply(torch.stack([inputs[d, order[d]] for d in (0, 1)]), state_weight, steps)
    assert isinstance(hidden, Tensor)
    return torch.stack([hidden[d, order[d].argsort()] for d in (0, 1)])


def torch_states(kind: str, inputs: Tensor, state_weight: Tensor, lengths: list[int]) -> Tensor:
    """The states PyTorch's LSTM or RNN has in each sentence alone, forwards and backwards."""
    # It is called with weights that pass the input products through, in PyTorch's order of gates: i, f, g, o.
    gates = torch.arange(4 * SIZE).view(4, SIZE)[[0, 1, 3, 2]].flatten() if kind == "lstm" else torch.arange(SIZE)
    make = {"lstm": torch.nn.LSTM, "rnn": torch.nn.RNN}[kind]
    module = make(len(gates), SIZE, bias=False, dtype=torch.float64)
    through = torch.eye(len(gates), dtype=torch.float64)[gates]

    def run(products: Tensor, weight: Tensor) -> Tensor:
        weights = {"weight_ih_l0": through, "weight_hh_l0": weight.T[gates]}
        return torch.func.functional_call(module, weights, (products,))[0]

    directions = []
    for d in (0, 1):
        sentences = [sentence.flip(0) if d else sentence for sentence in inputs[d].split(lengths)]
        states = [run(sentence, state_weight[d]) for sentence in sentences]
        directions.append(torch.cat([state.flip(0) if d else state for state in states]))
    return torch.stack(directions)


def compare_with_torch(kind: str, lengths: list[int], seed: int) -> None:
    inputs, state_weight, grad = random_tensors(kind, seed, sum(lengths))
    expected = torch_states(kind, inputs, state_weight, lengths)
    found = in_order_of_batch(kind, inputs, state_weight, lengths)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)
    wanted = torch.autograd.grad(expected, (inputs, state_weight), grad)
    for ours, theirs in zip(torch.autograd.grad(found, (inputs, state_weight), grad), wanted, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-11)


@every_kind
@pytest.mark.parametrize("lengths", RAGGED, ids=str)
def test_values_and_gradients_are_those_of_pytorch(kind: str, lengths: list[int]) -> None:
    compare_with_torch(kind, lengths, seed=0)


@every_kind
@given(st.lists(st.integers(1, 6), min_size=1, max_size=6), st.integers(0, 2**31))
@settings(max_examples=20, deadline=None)
def test_values_and_gradients_are_those_of_pytorch_for_any_lengths(kind: str, lengths: list[int], seed: int) -> None:
    compare_with_torch(kind, lengths, seed)


@every_kind
@pytest.mark.parametrize("lengths", [[1], [3, 1, 2]], ids=str)
def test_the_gradient_is_that_of_finite_differences(kind: str, lengths: list[int]) -> None:
    inputs, state_weight, _ = random_tensors(kind, 1, sum(lengths))
    steps = steps_of(lengths)
    assert torch.autograd.gradcheck(lambda x, w: RECURRENCES[kind].apply(x, w, steps), (inputs, state_weight))


@every_kind
def test_a_backward_pass_leaves_the_gradient_it_was_given_unchanged(kind: str) -> None:
    inputs, state_weight, grad = random_tensors(kind, 2, 6)
    given_grad = grad.clone()
    hidden = RECURRENCES[kind].apply(inputs, state_weight, steps_of([3, 1, 2]))
    assert isinstance(hidden, Tensor)
    torch.autograd.grad(hidden, (inputs, state_weight), grad)
    torch.testing.assert_close(grad, given_grad, rtol=0, atol=0)


@every_kind
def test_nothing_is_read_of_what_was_in_memory(kind: str, dirty_memory: list[str]) -> None:
    compare_with_torch(kind, [3, 1, 5, 2, 5], seed=3)
    assert "empty_like" in dirty_memory
    assert kind == "rnn" or "new_empty" in dirty_memory


@every_kind
def test_states_stand_side_by_side_in_the_order_of_the_batch(kind: str) -> None:
    lengths, rng = [2, 4, 1, 3], np.random.default_rng(4)
    width = GATES[kind] * SIZE
    shapes = (10, 5), (2, 5, width), (2, SIZE, width), (2, width)
    inputs, input_weight, state_weight, bias = (torch.from_numpy(rng.normal(size=shape)) for shape in shapes)
    found = read_both_ways(inputs, steps_of(lengths), kind, input_weight, state_weight, bias)
    products = torch.stack([inputs @ input_weight[d] + bias[d] for d in (0, 1)])
    expected = torch.cat([*torch_states(kind, products, state_weight, lengths)], 1)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)
