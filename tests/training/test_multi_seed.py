"""Trainings for several seeds at the same time: none depends on the others, and each ends by its own patience."""

from __future__ import annotations

import numpy as np
import pytest

from tagsmith import Sentence
from tagsmith.config import configure
from tagsmith.errors import ConfigError
from tagsmith.training.multi_seed import train_together
from tests.support.training import SENTENCES, SIZES, Watcher

pytest.importorskip("triton", reason="there is no Triton for this system")

DEV = [Sentence(["Zoe", "saw", "Bonn"], ["B-PER", "O", "B-LOC"]), *SENTENCES[:2]]


def test_a_training_is_the_same_beside_others_and_alone(device: str) -> None:
    config = configure(settings={**SIZES, "training.epochs": 2, "training.learning_rate": 0.1})
    both = train_together(SENTENCES, DEV, config, None, [3, 4], device)
    alone = train_together(SENTENCES, DEV, config, None, [4], device)
    for name, weight in alone[0].model.weights.items():
        np.testing.assert_allclose(both[1].model.weights[name], weight, atol=1e-5, err_msg=name)
    assert not np.allclose(both[0].model.weights["head.weight"], both[1].model.weights["head.weight"], atol=1e-3)
    assert [run.model.config.training.seed for run in both] == [3, 4]
    assert [run.model.training["stopped"] for run in both] == ["epochs", "epochs"]
    assert both[1].epochs[-1].dev is not None


def test_each_seed_ends_by_its_own_patience(device: str) -> None:
    settings = {**SIZES, "training.epochs": 4, "training.patience": 1, "training.learning_rate": 0.2}
    watchers = [Watcher(), Watcher()]
    config = configure(settings=settings)
    runs = train_together(SENTENCES, DEV, config, None, [1, 2], device, [[watcher] for watcher in watchers])
    for seed, watcher, run in zip([1, 2], watchers, runs, strict=True):
        numbers = [epoch.number for epoch in watcher.epochs]
        assert numbers == list(range(1, len(run.epochs) + 1))
        assert [step[0] for step in watcher.steps] == numbers  # one report for the three steps of an epoch
        assert sum(step[2] for step in watcher.steps) == len(numbers) * sum(map(len, SENTENCES))
        assert watcher.facts["config"]["training"]["seed"] == run.model.config.training.seed == seed
        assert watcher.facts["side_by_side"] == run.model.training["side_by_side"] == [1, 2]
        assert watcher.ends == 1
        assert run.model.training["stopped"] == "patience"
        assert [epoch.best for epoch in run.epochs] == [True] * (len(run.epochs) - 1) + [False]
    assert len(runs[0].epochs) < len(runs[1].epochs)  # the first waited


def test_settings_that_cannot_be_recorded_are_refused() -> None:
    config = configure(settings={**SIZES, "training.optimizer": "adam"})
    with pytest.raises(ConfigError, match=r"^several seeds at once: training\.optimizer=adam"):
        train_together(SENTENCES, None, config, None, [1, 2])


def test_there_are_observers_for_each_seed_or_for_none() -> None:
    with pytest.raises(ValueError, match="shorter"):
        train_together(SENTENCES, None, configure(settings=SIZES), None, [1, 2], "cpu", [[Watcher()]])
