"""Adding an optimizer of PyTorch's kind is one row in ``TORCH_OPTIMIZERS``: it trains, is cut off, and resumes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec
import pytest
import torch

from tagsmith.config import Config, TrainingConfig, configure
from tagsmith.training import checkpoint, loop
from tagsmith.training.optimizers import TORCH_OPTIMIZERS
from tagsmith.training.resuming import CheckpointOptions
from tests.support.training import NO_NOISE, SENTENCES, SIZES, same_weights


class Lion(torch.optim.Optimizer):
    """Chen et al. 2023. It counts its steps in a Python number, unlike PyTorch's own."""

    def __init__(self, params: Any, lr: float) -> None:
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for weight in group["params"]:
                state = self.state[weight]
                if not state:
                    state |= {"steps": 0, "heat": 1.0, "moment": torch.zeros_like(weight), "spare": None}
                state["steps"] += 1
                state["heat"] *= 0.9
                direction = (0.9 * state["moment"] + 0.1 * weight.grad).sign()
                weight.sub_(group["lr"] * state["heat"] * direction)
                state["moment"].lerp_(weight.grad, 0.01 / state["steps"])


ROWS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "rmsprop": partial(torch.optim.RMSprop, alpha=0.9, momentum=0.5, centered=True),
    "adagrad": torch.optim.Adagrad,
    "adamax": torch.optim.Adamax,
    "asgd": torch.optim.ASGD,
    "nesterov": partial(torch.optim.SGD, momentum=0.9, nesterov=True),
    "lion": Lion,
}


def config_of(optimizer: str) -> Config:
    config = configure(settings={**SIZES, **NO_NOISE, "training.epochs": 2, "training.learning_rate": 0.01})
    training = msgspec.structs.replace(config.training, optimizer=optimizer)
    return msgspec.structs.replace(config, training=training)


# 2 epochs of 3 steps, with a checkpoint after each step and each epoch: 8 in all.
@pytest.mark.parametrize("after", [1, 4, 6])
@pytest.mark.parametrize("name", ROWS)
def test_a_new_row_trains_and_resumes_to_the_same_bytes(
    name: str, after: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(TORCH_OPTIMIZERS, name, ROWS[name])
    config, path = config_of(name), tmp_path / "checkpoint"
    whole = loop.train(SENTENCES, None, config, None)
    assert whole.epochs[1].loss < whole.epochs[0].loss
    saved, save = iter(range(1, 100)), checkpoint.save

    def save_and_die(*arguments: Any) -> None:
        save(*arguments)
        if next(saved) == after:
            raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "save", save_and_die)
        with pytest.raises(MemoryError):
            loop.train(SENTENCES, None, config, None, checkpoints=CheckpointOptions(path, 0.0))
    resumed = loop.train(SENTENCES, None, config, None, checkpoints=CheckpointOptions(path, resume=True))
    assert same_weights(resumed, whole)
    assert [epoch.loss for epoch in resumed.epochs] == [epoch.loss for epoch in whole.epochs]


def test_the_setting_has_the_names_of_all_rows_and_sgd() -> None:
    assert set(get_args(get_type_hints(TrainingConfig)["optimizer"])) == {"sgd", *TORCH_OPTIMIZERS}
