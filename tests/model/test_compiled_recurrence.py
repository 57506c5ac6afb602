"""The compiled LSTM inside autograd: which path runs, and that both come to the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tagsmith.batching import time_steps
from tagsmith.model import recurrence
from tagsmith.model.recurrence import read_both_ways

WIDTH, SIZE = 9, 21
GATES = {"lstm": 4, "rnn": 1}


def tensors(seed: int, words: int, kind: str = "lstm") -> list[Tensor]:
    """Inputs, input weight, state weight and bias in float32."""
    generator = torch.Generator().manual_seed(seed)
    gates = GATES[kind] * SIZE
    shapes = (words, WIDTH), (2, WIDTH, gates), (2, SIZE, gates), (2, gates)
    return [torch.randn(shape, generator=generator).mul_(0.3).requires_grad_() for shape in shapes]


def values_and_gradients(given: list[Tensor], lengths: list[int], dtype: torch.dtype) -> list[Tensor]:
    inputs, *weights = (tensor.detach().to(dtype).requires_grad_() for tensor in given)
    states = read_both_ways(inputs, time_steps(np.array(lengths)), "lstm", *weights)
    grad = torch.linspace(-1, 1, states.numel(), dtype=dtype).view_as(states)
    return [states, *torch.autograd.grad(states, [inputs, *weights], grad)]


@pytest.fixture
def compiled_calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the compiled functions that were called."""
    calls: list[str] = []

    def counted(name: str) -> Any:
        function = getattr(recurrence, name)

        def call(*args: Any) -> Any:
            calls.append(name)
            return function(*args)

        return call

    for name in ("lstm", "lstm_gradient"):
        monkeypatch.setattr(recurrence, name, counted(name))
    return calls


def test_an_lstm_in_float32_on_a_cpu_is_compiled(compiled_calls: list[str]) -> None:
    values_and_gradients(tensors(0, 6), [2, 4], torch.float32)
    assert compiled_calls == ["lstm", "lstm", "lstm_gradient", "lstm_gradient"]


def test_other_numbers_kinds_and_autocast_are_not(compiled_calls: list[str]) -> None:
    values_and_gradients(tensors(0, 6), [2, 4], torch.float64)
    steps = time_steps(np.array([2, 4]))
    read_both_ways(tensors(0, 6, "rnn")[0], steps, "rnn", *tensors(0, 6, "rnn")[1:])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        read_both_ways(tensors(0, 6)[0], steps, "lstm", *tensors(0, 6)[1:])
    assert compiled_calls == []


@given(st.lists(st.integers(1, 60), min_size=1, max_size=12), st.integers(0, 2**31))
@settings(max_examples=25, deadline=None)
def test_both_paths_have_the_same_values_and_gradients(lengths: list[int], seed: int) -> None:
    given_tensors = tensors(seed, sum(lengths))
    found = values_and_gradients(given_tensors, lengths, torch.float32)
    expected = values_and_gradients(given_tensors, lengths, torch.float64)
    for ours, plain in zip(found, expected, strict=True):
        assert ours.dtype == torch.float32
        scale = max(1.0, plain.abs().max().item())  # gradients of weights are sums over up to 720 words
        torch.testing.assert_close(ours.double(), plain, rtol=0, atol=2e-5 * scale)


def test_nothing_is_read_of_what_was_in_memory(dirty_memory: list[str], compiled_calls: list[str]) -> None:
    given_tensors = tensors(1, 17)
    assert all(tensor.isfinite().all() for tensor in values_and_gradients(given_tensors, [3, 7, 1, 6], torch.float32))
    assert len(compiled_calls) == 4
    assert {"new_empty", "empty_like"} <= set(dirty_memory)


def test_a_backward_pass_leaves_the_gradient_and_the_inputs_unchanged() -> None:
    inputs, *weights = tensors(2, 6)
    before = [tensor.detach().clone() for tensor in (inputs, *weights)]
    states = read_both_ways(inputs, time_steps(np.array([2, 4])), "lstm", *weights)
    kept, grad = states.detach().clone(), torch.randn(6, 2 * SIZE)
    given_grad = grad.clone()
    gradients = torch.autograd.grad(states, [inputs, *weights], grad, retain_graph=True)
    again = torch.autograd.grad(states, [inputs, *weights], grad)
    assert all(torch.equal(*pair) for pair in zip(gradients, again, strict=True))
    assert torch.equal(grad, given_grad)
    assert torch.equal(states, kept)
    assert all(torch.equal(*pair) for pair in zip((inputs, *weights), before, strict=True))


def test_inputs_that_need_no_gradient_get_none() -> None:
    inputs, *weights = tensors(3, 6)
    states = read_both_ways(inputs.detach(), time_steps(np.array([2, 4])), "lstm", *weights)
    states.sum().backward()
    assert inputs.grad is None
    assert all(weight.grad is not None for weight in weights)
