"""The compiled kernels inside autograd: which path runs, and that both come to the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from tagsmith.batching import time_steps
from tagsmith.model.words import CharCNN
from tagsmith.ops.char_cnn.autograd import CompiledConvolution
from tagsmith.ops.char_cnn.on_torch import convolve_max
from tagsmith.ops.dropout.on_torch import dropout
from tagsmith.ops.recurrence import autograd as compiled
from tagsmith.ops.recurrence.on_torch import read_both_ways

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
        function = getattr(compiled, name)

        def call(*args: Any) -> Any:
            calls.append(name)
            return function(*args)

        return call

    for name in ("lstm", "lstm_gradient", "convolve_max", "at_maxima", "drop"):
        monkeypatch.setattr(compiled, name, counted(name))
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


# Spelling


def char_cnn(seed: int, dtype: torch.dtype, activation: str = "tanh") -> CharCNN:
    rng = np.random.default_rng(seed)
    weights = [rng.normal(size=shape) for shape in ((6, 3), (4, 9), (4,))]
    return CharCNN(*(nn.Parameter(torch.from_numpy(w).to(dtype)) for w in weights), activation=activation, dropout=0.0)


def spell(cnn: CharCNN, lengths: list[int]) -> list[Tensor]:
    """Spelling vectors, and the gradients of all weights."""
    chars = torch.arange(sum(lengths)) * 5 % 6
    spelled = cnn(chars, torch.tensor(lengths))
    grad = torch.linspace(-1, 1, spelled.numel(), dtype=spelled.dtype).view_as(spelled)
    return [spelled, *torch.autograd.grad(spelled, list(cnn.parameters()), grad)]


@given(st.lists(st.integers(1, 60), min_size=1, max_size=12), st.integers(0, 2**31))
@settings(max_examples=20, deadline=None)
def test_words_are_spelled_the_same_on_both_paths(lengths: list[int], seed: int) -> None:
    both = (spell(char_cnn(seed, dtype), lengths) for dtype in (torch.float32, torch.float64))
    for ours, plain in zip(*both, strict=True):
        assert ours.dtype == torch.float32
        torch.testing.assert_close(ours.double(), plain, rtol=1e-5, atol=1e-5 * len(lengths))


def test_a_convolution_in_float32_on_a_cpu_is_compiled_and_no_other(compiled_calls: list[str]) -> None:
    spell(char_cnn(0, torch.float64), [3, 1])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        char_cnn(0, torch.float32)(torch.tensor([1, 2, 3]), torch.tensor([2, 1]))
    assert compiled_calls == []
    spell(char_cnn(0, torch.float32), [3, 1])
    assert compiled_calls == ["convolve_max", "at_maxima"]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_of_equal_maxima_the_first_one_has_the_gradient_on_both_paths(dtype: torch.dtype) -> None:
    seen = torch.tensor([[2.0], [3.0], [3.0], [1.0], [1.0]], dtype=dtype, requires_grad=True)
    weight, lengths = torch.ones(1, 1, dtype=dtype), torch.tensor([3, 2])
    convolve = CompiledConvolution.apply if dtype == torch.float32 else convolve_max
    highest: Any = convolve(seen, lengths, weight, torch.zeros(1, dtype=dtype))
    (grad,) = torch.autograd.grad(highest.sum(), seen)
    assert grad.flatten().tolist() == [0, 1, 0, 1, 0]


def test_the_gradient_of_the_plain_convolution_is_that_of_finite_differences() -> None:
    generator = torch.Generator().manual_seed(0)
    shapes = (7, 2), (3, 6), (3,)
    tensors = [torch.randn(s, generator=generator, dtype=torch.float64, requires_grad=True) for s in shapes]
    assert torch.autograd.gradcheck(lambda x, w, b: convolve_max(x, torch.tensor([4, 1, 2]), w, b), tensors)


@pytest.mark.parametrize("place", [0, 2])
def test_nan_in_a_word_shows_on_the_plain_path_too(place: int) -> None:
    seen = torch.ones(4, 1, dtype=torch.float64)
    seen[place] = torch.nan
    highest = convolve_max(seen, torch.tensor([3, 1]), torch.ones(1, 1).double(), torch.zeros(1).double())
    assert highest.isnan().flatten().tolist() == [True, False]


# Dropout


def test_dropout_in_float32_on_a_cpu_is_compiled_and_no_other(compiled_calls: list[str]) -> None:
    dropout(torch.ones(3, 4, dtype=torch.float64), 0.5, training=True)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        dropout(torch.ones(3, 4), 0.5, training=True)
    assert compiled_calls == []
    values = torch.ones(3, 4, requires_grad=True)
    dropout(values, 0.5, training=True).sum().backward()
    assert compiled_calls == ["drop", "drop"]


@pytest.mark.parametrize("mask_of", [None, torch.tensor([0, 0, 1])], ids=["word", "sentence"])
def test_the_mask_is_a_function_of_the_seed_and_the_gradient_has_the_same(mask_of: Tensor | None) -> None:
    values = torch.ones(3, 40, requires_grad=True)

    def masks(seed: int) -> list[Tensor]:
        torch.manual_seed(seed)
        return [dropout(values, 0.5, True, mask_of) for _ in range(2)]  # one after another, they differ

    first, second = masks(1)
    assert not torch.equal(first, second)
    assert all(torch.equal(*pair) for pair in zip(masks(1), (first, second), strict=True))
    assert not torch.equal(masks(2)[0], first)
    (grad,) = torch.autograd.grad(first, values, torch.ones_like(first))
    assert torch.equal(grad, first)


def test_a_gradient_that_does_not_lie_in_one_piece_is_taken_as_it_is() -> None:
    values = torch.randn(6, 4, requires_grad=True)
    torch.manual_seed(3)
    dropped = dropout(values, 0.5, training=True)
    grad = torch.randn(4, 6).T
    (found,) = torch.autograd.grad(dropped, values, grad)
    torch.testing.assert_close(found, grad * (dropped != 0) * 2, rtol=0, atol=0)
