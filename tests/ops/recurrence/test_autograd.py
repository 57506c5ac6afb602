"""The compiled recurrences inside autograd: what a backward pass leaves alone, and what it leaves out."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from tagsmith.batching import time_steps
from tagsmith.ops.recurrence.kinds import KINDS, kinds_with
from tests.support.recurrences import width

DIM, SIZE = 9, 21
STEPS = time_steps(np.array([2, 4]))
every_compiled_kind = pytest.mark.parametrize("kind", kinds_with("autograd"))


def tensors(seed: int, kind: str) -> list[Tensor]:
    """Inputs of six words, input weight, state weight and bias."""
    generator, columns = torch.Generator().manual_seed(seed), width(kind, SIZE)
    shapes = (6, DIM), (2, DIM, columns), (2, SIZE, columns), (2, columns)
    return [torch.randn(shape, generator=generator).mul_(0.3).requires_grad_() for shape in shapes]


def states(kind: str, inputs: Tensor, weights: list[Tensor]) -> Tensor:
    function = KINDS[kind].autograd
    assert function is not None
    return function()(inputs, *weights, STEPS)


@every_compiled_kind
def test_a_backward_pass_can_be_repeated_and_leaves_gradient_and_inputs_unchanged(kind: str) -> None:
    inputs, *weights = tensors(2, kind)
    before = [tensor.detach().clone() for tensor in (inputs, *weights)]
    hidden = states(kind, inputs, weights)
    kept, grad = hidden.detach().clone(), torch.randn(6, 2 * SIZE)
    given_grad = grad.clone()
    gradients = torch.autograd.grad(hidden, [inputs, *weights], grad, retain_graph=True)
    again = torch.autograd.grad(hidden, [inputs, *weights], grad)
    assert all(torch.equal(*pair) for pair in zip(gradients, again, strict=True))
    assert torch.equal(grad, given_grad)
    assert torch.equal(hidden, kept)
    assert all(torch.equal(*pair) for pair in zip((inputs, *weights), before, strict=True))


@every_compiled_kind
def test_a_gradient_that_is_not_contiguous_is_read_as_it_is(kind: str) -> None:
    inputs, *weights = tensors(4, kind)
    hidden, grad = states(kind, inputs, weights), torch.randn(2 * SIZE, 6)
    found = torch.autograd.grad(hidden, inputs, grad.T, retain_graph=True)
    assert torch.equal(*found, *torch.autograd.grad(hidden, inputs, grad.T.contiguous()))


@every_compiled_kind
def test_inputs_that_need_no_gradient_get_none(kind: str) -> None:
    inputs, *weights = tensors(3, kind)
    states(kind, inputs.detach(), weights).sum().backward()
    assert inputs.grad is None
    assert all(weight.grad is not None for weight in weights)
