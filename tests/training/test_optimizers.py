"""Optimizers by name."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from tagsmith.config import TrainingConfig
from tagsmith.errors import ConfigError
from tagsmith.ops.sgd.on_torch import SGD
from tagsmith.training.optimizers import make_optimizer


def weights() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    shapes = {"words.vectors": (6, 3), "head.weight": (2, 3)}
    return {n: torch.randn(s, generator=generator, dtype=torch.float64).requires_grad_() for n, s in shapes.items()}


def loss_of(some: dict[str, torch.Tensor], words: torch.Tensor) -> torch.Tensor:
    read = F.embedding(words, some["words.vectors"], sparse=True)
    return (read @ some["head.weight"].T).square().sum()


def test_sgd_updates_word_vectors_row_by_row() -> None:
    assert isinstance(make_optimizer(TrainingConfig(), weights()), SGD)


@pytest.mark.parametrize("name", ["adam", "adamw", "nadam", "radam"])
@pytest.mark.parametrize("clip", [0.1, 1e9])
def test_an_adam_is_pytorchs_own_behind_the_clip_and_its_rows_are_lazy(name: Any, clip: float) -> None:
    ours, theirs = weights(), weights()
    optimizer = make_optimizer(TrainingConfig(optimizer=name, clip=clip), ours)
    classes = {"adam": "Adam", "adamw": "AdamW", "nadam": "NAdam", "radam": "RAdam"}
    dense = getattr(torch.optim, classes[name])([theirs["head.weight"]], 0.1)
    table = torch.optim.SparseAdam([theirs["words.vectors"]], 0.1)
    for words in ([0, 1, 1], [2, 0, 4], [4, 4, 4]):
        optimizer.zero_grad()
        loss_of(ours, torch.tensor(words)).backward()
        optimizer.step(0.1)
        grads = torch.autograd.grad(loss_of(theirs, torch.tensor(words)), list(theirs.values()))
        rows = grads[0].coalesce()
        norm = math.hypot(float(rows.values().norm()), float(grads[1].norm()))
        scale = min(1.0, clip / (norm + 1e-6))
        theirs["words.vectors"].grad, theirs["head.weight"].grad = rows * scale, grads[1] * scale
        table.step()
        dense.step()
    for key, value in theirs.items():
        torch.testing.assert_close(ours[key], value, rtol=1e-12, atol=1e-12)
    assert torch.equal(ours["words.vectors"][[3, 5]], weights()["words.vectors"][[3, 5]])


NAMES = ["sgd", "adam", "nadam"]


@pytest.mark.parametrize("then", NAMES)
@pytest.mark.parametrize("now", NAMES)
def test_the_state_of_another_optimizer_is_refused_by_name(then: Any, now: Any) -> None:
    some = weights()
    before = make_optimizer(TrainingConfig(optimizer=then), some)
    after = make_optimizer(TrainingConfig(optimizer=now), weights())
    before.catch_up(torch.arange(6))
    loss_of(some, torch.tensor([0, 1])).backward()
    before.step(0.1)
    state = before.state()
    if then == now:
        after.load_state(state)
        assert all(torch.equal(value, state[name]) for name, value in after.state().items())
        return
    with pytest.raises(
        ConfigError, match=r"optimizer's numbers in the checkpoint are not those of this training: \S+ is \S+"
    ):
        after.load_state(state)
