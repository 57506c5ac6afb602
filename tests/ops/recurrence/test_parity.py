"""Every implementation of every recurrence, compared with the reference: ragged, poisoned with NaN, and in its path.

Values are compared with ``reference``, gradients with ``on_torch`` in float64, whose own test compares it with the
modules of PyTorch. ``test_int8`` and ``test_on_triton`` say more of their implementations.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from tagsmith.batching import time_steps
from tagsmith.ops.recurrence import compiled, int8
from tagsmith.ops.recurrence.kinds import KINDS, kinds_with
from tagsmith.ops.recurrence.on_torch import read_both_ways
from tagsmith.ops.simd.tiles import LANES, PANEL, ROWS, pack
from tests.support.recurrences import reference_states, width

Arrays = tuple[np.ndarray, ...]
RAGGED = st.lists(st.integers(1, 60), min_size=1, max_size=15)
SIZES = st.sampled_from([1, 3, LANES, LANES + 1, PANEL, PANEL + LANES + 5])
SEEDS = st.integers(0, 2**31)
DIM = 9
every_kind = pytest.mark.parametrize("kind", KINDS)
KERNELS = [name for name in vars(compiled) if name in KINDS or name.removesuffix("_gradient") in KINDS]


@pytest.fixture
def kernel_calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the compiled kernels that were called."""
    calls: list[str] = []

    def counted(name: str) -> Any:
        kernel = getattr(compiled, name)

        def call(*args: Any) -> Any:
            calls.append(name)
            return kernel(*args)

        return call

    for name in KERNELS:
        monkeypatch.setattr(compiled, name, counted(name))
    return calls


# Tagging


def tagging_problem(seed: int, kind: str, size: int, lengths: list[int]) -> Arrays:
    """Input products of 9 distinct words (and a row of NaN that no word has), the rows of words, a state weight."""
    rng = np.random.default_rng(seed)
    products = rng.standard_normal((10, 2, width(kind, size))).astype(np.float32)
    products[9] = np.nan
    bound = size**-0.5  # a larger weight would make a plain RNN blow up the rounding of its first words
    weight = rng.uniform(-bound, bound, (2, size, width(kind, size))).astype(np.float32)
    return products, rng.integers(0, 9, sum(lengths)), np.array(lengths), weight


def tagged(
    kernel: Any, prepare: Any, products: np.ndarray, row_of: np.ndarray, lengths: np.ndarray, weight: Any
) -> Any:
    """States read both ways in the order of the batch. What the kernel leaves unwritten is NaN."""
    longest_first = np.argsort(-lengths, kind="stable")
    starts = (np.cumsum(lengths) - lengths)[longest_first]
    out = np.full((len(row_of), 2 * weight.shape[1]), np.nan, np.float32)
    for d in (0, 1):
        kernel(products, row_of, starts, lengths[longest_first], prepare(weight[d]), d, out)
    return out


@every_kind
@given(RAGGED, SIZES, SEEDS)
@example([2, 700, 1], 200, 4)
@settings(max_examples=25, deadline=None)
def test_the_compiled_kernel_has_the_references_states(kind: str, lengths: list[int], size: int, seed: int) -> None:
    products, row_of, counts, weight = tagging_problem(seed, kind, size, lengths)
    found = tagged(KINDS[kind].compiled(), pack, products, row_of, counts, weight)
    expected = reference_states(kind, products[row_of], counts, weight)
    np.testing.assert_allclose(found, expected, rtol=0, atol=5e-5)


@pytest.mark.parametrize("kind", kinds_with("int8"))
def test_the_int8_kernel_has_nearly_the_references_states(kind: str) -> None:
    if not int8.can_run():
        pytest.skip("needs a processor with AVX-512 VNNI")
    products, row_of, counts, weight = tagging_problem(1, kind, 21, [9, 8, 8, 5, 5, 2, 1])
    kernel = KINDS[kind].int8
    assert kernel is not None
    difference = tagged(kernel(), int8.quantize, products, row_of, counts, weight) - reference_states(
        kind, products[row_of], counts, weight
    )
    assert 0 < np.abs(difference).max() < 0.02


# Training on a CPU


def training_problem(seed: int, words: int, kind: str, size: int) -> list[Tensor]:
    """Inputs, input weight, state weight and bias in float32."""
    generator = torch.Generator().manual_seed(seed)
    columns = width(kind, size)
    shapes = (words, DIM), (2, DIM, columns), (2, size, columns), (2, columns)
    scales = 0.3, 0.3, size**-0.5, 0.3
    return [torch.randn(s, generator=generator) * scale for s, scale in zip(shapes, scales, strict=True)]


def values_and_gradients(kind: str, given: list[Tensor], lengths: list[int], dtype: torch.dtype) -> list[Tensor]:
    inputs, *weights = (tensor.detach().to(dtype).requires_grad_() for tensor in given)
    states = read_both_ways(inputs, time_steps(np.array(lengths)), kind, *weights)
    grad = torch.linspace(-1, 1, states.numel(), dtype=dtype).view_as(states)
    return [states, *torch.autograd.grad(states, [inputs, *weights], grad)]


@every_kind
@given(RAGGED, SIZES, SEEDS)
@example([40, 25, 20, 15, 12, 10, 8, 6, 5, 4], 200, 0)
@example([1], 1, 0)
@example([7] * ROWS + [7], 5, 0)
@settings(max_examples=20, deadline=None)
def test_training_in_float32_has_the_values_and_gradients_of_float64(
    kind: str, lengths: list[int], size: int, seed: int
) -> None:
    tensors = training_problem(seed, sum(lengths), kind, size)
    found = values_and_gradients(kind, tensors, lengths, torch.float32)
    expected = values_and_gradients(kind, tensors, lengths, torch.float64)
    for ours, exact in zip(found, expected, strict=True):
        assert ours.dtype == torch.float32
        scale = max(1.0, exact.abs().max().item())  # gradients of weights are sums over up to 900 words
        torch.testing.assert_close(ours.double(), exact, rtol=0, atol=2e-5 * scale)


@every_kind
def test_training_in_float64_has_the_references_states(kind: str) -> None:
    lengths = [3, 1, 5, 2]
    inputs, input_weight, state_weight, bias = (t.double() for t in training_problem(0, 11, kind, 4))
    found = read_both_ways(inputs, time_steps(np.array(lengths)), kind, input_weight, state_weight, bias)
    products = torch.stack([inputs @ input_weight[d] + bias[d] for d in (0, 1)], 1).numpy()
    expected = reference_states(kind, products, np.array(lengths), state_weight.numpy())
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


@every_kind
def test_float32_on_a_cpu_runs_compiled_where_the_table_says_so(kind: str, kernel_calls: list[str]) -> None:
    values_and_gradients(kind, training_problem(0, 6, kind, 5), [2, 4], torch.float32)
    assert kernel_calls == ([kind, kind, f"{kind}_gradient", f"{kind}_gradient"] if KINDS[kind].autograd else [])


@every_kind
def test_other_types_and_autocast_run_in_pytorch(kind: str, kernel_calls: list[str]) -> None:
    tensors = training_problem(0, 6, kind, 5)
    values_and_gradients(kind, tensors, [2, 4], torch.float64)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        read_both_ways(tensors[0], time_steps(np.array([2, 4])), kind, *tensors[1:])
    assert kernel_calls == []


@every_kind
def test_no_memory_is_read_before_it_is_written(kind: str, dirty_memory: list[str]) -> None:
    found = values_and_gradients(kind, training_problem(1, 17, kind, 21), [3, 7, 1, 6], torch.float32)
    assert all(tensor.isfinite().all() for tensor in found)
    assert {"empty_like"} <= set(dirty_memory)


# Training on a GPU


@pytest.mark.parametrize("kind", kinds_with("on_triton"))
@pytest.mark.skipif(find_spec("triton") is None, reason="there is no Triton for this system")
def test_triton_has_the_references_states(kind: str, device: str) -> None:
    lengths, rng = [5, 1, 3, 2], np.random.default_rng(0)
    words, size = sum(lengths), 21
    products = rng.standard_normal((words + 2, 2, width(kind, size))).astype(np.float32)
    products[words:] = np.nan  # words of no sentence
    weight = rng.uniform(-0.2, 0.2, (2, size, width(kind, size))).astype(np.float32)
    function = KINDS[kind].on_triton
    assert function is not None
    counts = torch.tensor([lengths], dtype=torch.int32, device=device)
    starts = (counts.cumsum(1) - counts).int()
    on_device = (torch.from_numpy(array).to(device)[None] for array in (products.swapaxes(0, 1).copy(), weight))
    hidden = function()(*on_device, starts, counts)[0].cpu().numpy()
    expected = reference_states(kind, products[:words], np.array(lengths), weight)
    np.testing.assert_allclose(np.concatenate([*hidden[:, :words]], 1), expected, rtol=1e-4, atol=2e-5)
    assert not hidden[:, words:].any()
