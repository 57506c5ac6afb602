"""The run of one network: what it counts, tells its observers, keeps and restores."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from tagsmith.config import configure
from tagsmith.errors import ConfigError, DataError
from tagsmith.training.one_network import NetworkTrainer
from tagsmith.training.run import StepReport, TrainingRun
from tagsmith.training.setup import prepare
from tests.support.training import SENTENCES, SIZES, Watcher


@pytest.fixture
def run() -> TrainingRun:
    """A run that has taken no step: five sentences, two a step."""
    setup = prepare(SENTENCES, None, configure(settings=SIZES), None, "cpu")
    (run,) = NetworkTrainer(setup.models[0], setup.data, "cpu").runs
    return run


def test_observers_are_told_the_mean_loss_of_the_sentences_of_each_step(run: TrainingRun) -> None:
    watcher = Watcher()
    run.observers = [watcher]
    run.advance(StepReport(loss=6.0, sentences=2, tokens=4), 0.5)
    run.advance(StepReport(loss=9.0, sentences=3, tokens=9, steps=2), 1.5)
    assert watcher.steps == [(1, 3.0, 4), (1, 3.0, 9)]
    run.finish_epoch(None)
    (epoch,) = watcher.epochs
    assert (epoch.loss, epoch.seconds, epoch.tokens_per_second) == (3.0, 1.5, 13 / 1.5)


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_a_loss_beyond_all_numbers_is_an_error(run: TrainingRun, loss: float) -> None:
    with pytest.raises(ConfigError, match=rf"^the loss became {loss} in epoch 1; lower training\.learning_rate$"):
        run.advance(StepReport(loss, 2, 3), 0.1)
    assert run.progress.steps == 0


def test_the_best_weights_are_a_copy(run: TrainingRun) -> None:
    run.advance(StepReport(1.0, 5, 18, 3), 1.0)
    run.finish_epoch(None)
    bias = run.weights["encoder.bias"]
    before = bias.detach().clone()
    with torch.no_grad():
        bias.add_(1.0)
    assert torch.equal(run.best["encoder.bias"], before)
    run.restore(dataclasses.replace(run.checkpoint(), tensors={**run.checkpoint().tensors, "weights": run.best}))
    assert torch.equal(bias, before)


def test_rescoring_drops_the_scores_of_all_other_epochs(run: TrainingRun) -> None:
    for _ in range(3):
        run.advance(StepReport(1.0, 5, 18, 3), 1.0)
        run.finish_epoch(None)
    run.progress.epochs[2] = dataclasses.replace(run.progress.epochs[2], best=False)
    best = run.rescore(None)
    assert best.number == 2
    assert [epoch.number for epoch in run.progress.epochs] == [1, 2, 3]


def test_an_interrupt_counts_before_all_other_reasons_to_stop(run: TrainingRun) -> None:
    assert run.stopped is None
    run.interrupted = True
    assert run.stopped == "interrupt"


def test_a_checkpoint_further_than_an_epoch_is_long_is_an_error(run: TrainingRun) -> None:
    kept = run.checkpoint()
    kept.progress.steps = 4
    with pytest.raises(DataError, match="4 steps of an epoch; expected 0 to 3"):
        run.restore(kept)
