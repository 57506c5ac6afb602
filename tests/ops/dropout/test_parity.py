"""Every implementation of dropout: the same rate, scale and masks in float32 and float64, and each in its path."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tagsmith.ops.dropout import compiled
from tagsmith.ops.dropout.on_torch import dropout

MASK_OF = torch.tensor([2, 0, 0, 1, 2, 2])
both_types = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
masked = pytest.mark.parametrize("mask_of", [None, MASK_OF], ids=["row", "shared"])


@both_types
@masked
def test_values_are_dropped_or_scaled_up_and_their_gradient_alike(dtype: torch.dtype, mask_of: Tensor | None) -> None:
    torch.manual_seed(0)
    values = torch.randn(6, 400, dtype=dtype, requires_grad=True)
    dropped = dropout(values, 0.75, True, mask_of)
    kept = dropped != 0
    assert kept.double().mean().item() == pytest.approx(0.25, abs=0.05)
    torch.testing.assert_close(dropped, torch.where(kept, values * 4, 0))
    outer = torch.randn(400, 6, dtype=dtype).T  # not contiguous
    (grad,) = torch.autograd.grad(dropped, values, outer)
    torch.testing.assert_close(grad, torch.where(kept, outer * 4, 0))
    if mask_of is not None:
        assert len(kept.unique(dim=0)) == 3
        assert all(len(kept[mask_of == number].unique(dim=0)) == 1 for number in range(3))


@both_types
def test_masks_follow_from_pytorchs_seed_and_differ_from_call_to_call(dtype: torch.dtype) -> None:
    def masks(seed: int) -> list[Tensor]:
        torch.manual_seed(seed)
        return [dropout(torch.ones(3, 40, dtype=dtype), 0.5, True) for _ in range(2)]

    first, second = masks(1)
    assert not torch.equal(first, second)
    assert all(torch.equal(*pair) for pair in zip(masks(1), (first, second), strict=True))
    assert not torch.equal(masks(2)[0], first)


def test_training_draws_the_compiled_kernels_mask_for_a_key_of_pytorchs() -> None:
    torch.manual_seed(3)
    found = dropout(torch.ones(5, 7), 0.5, training=True)
    torch.manual_seed(3)
    key = int(torch.empty((), dtype=torch.int64).random_())
    expected = compiled.dropout(np.ones((5, 7), np.float32), 0.5, key, np.arange(5))
    np.testing.assert_array_equal(found, expected)


def test_float32_on_a_cpu_runs_compiled_and_nothing_else_does(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[float] = []
    kernel = compiled.dropout

    def call(values: Any, rate: float, *rest: Any) -> Any:
        calls.append(rate)
        return kernel(values, rate, *rest)

    monkeypatch.setattr(compiled, "dropout", call)
    dropout(torch.ones(3, 4, dtype=torch.float64), 0.5, training=True)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        dropout(torch.ones(3, 4), 0.5, training=True)
    assert calls == []
    dropout(torch.ones(3, 4, requires_grad=True), 0.5, training=True).sum().backward()
    assert calls == [0.5, 0.5]
