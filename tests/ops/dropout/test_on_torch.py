"""Dropout for training: its rate, its scale, and which rows share a mask."""

from __future__ import annotations

import pytest
import torch

from tagsmith.ops.dropout.on_torch import dropout


def test_it_zeroes_about_its_share_and_scales_the_rest_up() -> None:
    torch.manual_seed(0)
    values = torch.ones(200, 100, requires_grad=True)
    dropped = dropout(values, 0.25, training=True)
    assert set(dropped.unique().tolist()) == {0.0, torch.tensor(1 / 0.75).item()}
    assert (dropped == 0).float().mean().item() == pytest.approx(0.25, abs=0.01)
    dropped.sum().backward()
    assert values.grad is not None
    torch.testing.assert_close(values.grad, dropped.detach(), rtol=0, atol=0)


@pytest.mark.parametrize(("rate", "training"), [(0.0, True), (0.5, False)])
@pytest.mark.parametrize("mask_of", [None, torch.tensor([0, 0, 1])], ids=["word", "sentence"])
def test_it_does_nothing_at_rate_0_or_outside_training(
    rate: float, training: bool, mask_of: torch.Tensor | None
) -> None:
    values = torch.randn(3, 4)
    assert dropout(values, rate, training, mask_of) is values


def test_rows_share_a_mask_exactly_where_they_have_one_number() -> None:
    torch.manual_seed(0)
    alone = dropout(torch.ones(60, 30), 0.5, training=True)
    assert len(alone.unique(dim=0)) == 60
    mask_of = torch.tensor([2, 0, 0, 1, 2, 2]).repeat_interleave(10)
    shared = dropout(torch.ones(60, 30, requires_grad=True), 0.5, training=True, mask_of=mask_of)
    assert len(shared.unique(dim=0)) == 3
    for number in range(3):
        assert len(shared[mask_of == number].unique(dim=0)) == 1
    assert set(shared.unique().tolist()) == {0.0, 2.0}


def test_shared_masks_drop_about_their_share_too() -> None:
    torch.manual_seed(0)
    dropped = dropout(torch.ones(400, 100), 0.25, training=True, mask_of=torch.arange(400) // 2)
    assert (dropped == 0).float().mean().item() == pytest.approx(0.25, abs=0.01)
