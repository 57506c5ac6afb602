"""Random numbers on a device: uniform, and a function of seed, call and place alone."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

pytest.importorskip("triton", reason="there is no Triton for this system")
from tagsmith.ops.dropout.philox import PhiloxRandom


def seeds_on(device: str, *seeds: int) -> Tensor:
    return torch.tensor(seeds, device=device)


def test_numbers_are_uniform_and_follow_from_seed_and_call(device: str) -> None:
    random = PhiloxRandom(seeds_on(device, 5, 2**61))
    first, second = random.uniform(300, 7), random.uniform(300, 7)
    again = PhiloxRandom(seeds_on(device, 2**61)).uniform(100, 7)
    torch.testing.assert_close(again[0], first[1, :100], rtol=0, atol=0)
    drawn = torch.cat([first.flatten(), second.flatten()]).cpu()
    assert len(drawn.unique()) > 0.999 * len(drawn)
    assert drawn.min() >= 0
    assert drawn.max() < 1
    counts = torch.histc(drawn, 10, 0, 1) / len(drawn)
    assert (counts - 0.1).abs().max() < 0.015


def test_dropout_scales_up_what_it_keeps_and_drops_at_its_rate(device: str) -> None:
    dropped = PhiloxRandom(seeds_on(device, 1, 2)).dropout(torch.ones(2, 50, 40, device=device), 0.75)
    assert set(dropped.unique().tolist()) == {0.0, 4.0}
    assert (dropped == 0).float().mean().item() == pytest.approx(0.75, abs=0.03)
    assert not torch.equal(dropped[0], dropped[1])


def test_rows_share_a_mask_exactly_where_they_have_one_number(device: str) -> None:
    mask_of = torch.tensor([[0] * 7 + [1] * 5 + [2] * 4], device=device)
    dropped = PhiloxRandom(seeds_on(device, 1)).dropout(torch.ones(1, 16, 40, device=device), 0.5, mask_of, 3)
    assert len(dropped[0].unique(dim=0)) == 3
    for number in range(3):
        assert len(dropped[0][mask_of[0] == number].unique(dim=0)) == 1


def test_a_rate_of_0_draws_nothing(device: str) -> None:
    random, values = PhiloxRandom(seeds_on(device, 1)), torch.ones(1, 2, 3, device=device)
    assert random.dropout(values, 0.0) is values
    torch.testing.assert_close(random.uniform(2, 2), PhiloxRandom(seeds_on(device, 1)).uniform(2, 2))
