"""The LSTM's Triton kernels against the reference in PyTorch: ragged, side by side, NaN where nothing is read."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from tagsmith.batching import time_steps
from tagsmith.ops.recurrence import on_torch

pytest.importorskip("triton", reason="there is no Triton for this system")
from tagsmith.ops.recurrence.on_triton import first_words, lstm

CASES = {
    "one word": [[1]],
    "ragged": [[5, 1, 3, 2], [2, 4, 0, 5]],
    "more sentences than a program reads": [[1 + i % 3 for i in range(19)]],
}


def laid_out(lengths: list[list[int]], size: int, device: str) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Products, a state weight, starts and lengths; NaN at words in no sentence."""
    torch.manual_seed(0)
    words = max(map(sum, lengths)) + 2
    products = torch.randn(len(lengths), 2, words, 4 * size)
    for s, each in enumerate(lengths):
        products[s, :, sum(each) :] = torch.nan
    weight = torch.randn(len(lengths), 2, size, 4 * size) / size**0.5
    ragged = torch.tensor(lengths, dtype=torch.int32)
    starts = (ragged.cumsum(1) - ragged).int()
    on_device = (part.to(device) for part in (products, weight, starts, ragged))
    return tuple(on_device)  # type: ignore[return-value]


@pytest.mark.parametrize("lengths", CASES.values(), ids=CASES)
@pytest.mark.parametrize("size", [1, 21, 70])
def test_states_and_gradients_are_the_references(lengths: list[list[int]], size: int, device: str) -> None:
    products, weight, starts, ragged = laid_out(lengths, size, device)
    products.requires_grad_()
    weight.requires_grad_()
    hidden = lstm(products, weight, starts, ragged)
    outer = torch.randn(hidden.shape).to(device)
    (hidden * outer).sum().backward()
    assert products.grad is not None
    assert weight.grad is not None
    for s, each in enumerate(lengths):
        steps, words = time_steps(np.array([n for n in each if n])), sum(each)
        order = torch.from_numpy(steps.order)
        back = order.argsort(1)

        def in_time(values: Tensor, order: Tensor = order) -> Tensor:
            return torch.stack([values[0, order[0]], values[1, order[1]]])

        given = in_time(products.detach()[s].cpu()).requires_grad_()
        of_state = weight.detach()[s].cpu().requires_grad_()
        expected = on_torch.lstm(given, of_state, steps)
        (expected * in_time(outer[s].cpu())).sum().backward()
        assert given.grad is not None
        assert of_state.grad is not None
        for mine, theirs in (
            (hidden[s, :, :words], in_time(expected, back)),
            (products.grad[s, :, :words], in_time(given.grad, back)),
            (weight.grad[s], of_state.grad),
        ):
            torch.testing.assert_close(mine.cpu(), theirs, atol=2e-5, rtol=1e-4)
        assert not hidden[s, :, words:].any()
        assert not products.grad[s, :, words:].any()


def test_without_gradients_the_states_are_the_same(device: str) -> None:
    inputs = laid_out(CASES["ragged"], 21, device)
    still = lstm(*inputs)
    inputs[1].requires_grad_()
    torch.testing.assert_close(lstm(*inputs).detach(), still, rtol=0, atol=0)


def test_with_a_state_weight_in_bfloat16_products_read_rounded_numbers_and_add_up_in_float32(device: str) -> None:
    products, weight, starts, ragged = laid_out(CASES["ragged"], 21, device)
    found = [part.clone().requires_grad_() for part in (products, weight)]
    halves = found[1].bfloat16()
    hidden = lstm(found[0], halves, starts, ragged)
    outer = torch.randn(hidden.shape).to(device)
    grads = torch.autograd.grad((hidden * outer).sum(), found)
    exact = [products.clone().requires_grad_(), halves.detach().float().requires_grad_()]
    expected = lstm(exact[0], exact[1], starts, ragged)
    exact_grads = torch.autograd.grad((expected * outer).sum(), exact)
    assert hidden.dtype == grads[1].dtype == torch.float32
    error = (hidden - expected).abs().max().item()
    assert 0 < error < 2e-2  # bfloat16 has 8 bits
    for mine, theirs in zip(grads, exact_grads, strict=True):
        there = theirs.isfinite()
        assert 0 < (mine - theirs)[there].abs().max() < 3e-2 * theirs[there].abs().max()


def test_first_words() -> None:
    starts, lengths = torch.tensor([[0, 2, 2], [0, 1, 3]]), torch.tensor([[2, 0, 1], [1, 2, 2]])
    found = first_words(starts, lengths, 5).int().tolist()
    assert found == [[1, 0, 1, 1, 0], [1, 1, 0, 1, 0]]  # word 3 of the first is behind all sentences
