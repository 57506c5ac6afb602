"""The character CNN in PyTorch: its gradient, and maxima by group."""

from __future__ import annotations

import torch

from tagsmith.ops.char_cnn.on_torch import convolve_max, first_maximum


def test_the_gradient_is_that_of_finite_differences() -> None:
    generator = torch.Generator().manual_seed(0)
    shapes = (7, 2), (3, 6), (3,)
    tensors = [torch.randn(s, generator=generator, dtype=torch.float64, requires_grad=True) for s in shapes]
    assert torch.autograd.gradcheck(lambda x, w, b: convolve_max(x, torch.tensor([4, 1, 2]), w, b), tensors)


def test_a_maximum_of_a_group_is_that_of_its_rows_wherever_they_are() -> None:
    values = torch.tensor([[1.0, 5.0], [4.0, 2.0], [3.0, 9.0], [4.0, 0.0]], requires_grad=True)
    highest = first_maximum(values, torch.tensor([0, 2, 0, 2]), 3)
    assert highest[[0, 2]].tolist() == [[3.0, 9.0], [4.0, 2.0]]
    assert (values == highest[1]).all(1).any()  # the group without rows has some row
    (grad,) = torch.autograd.grad(highest[[0, 2]].sum(), values)
    assert grad.tolist() == [[0, 0], [1, 1], [1, 1], [0, 0]]
