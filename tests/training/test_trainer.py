"""Dev scores, averaged weights and results, for any trainer."""

from __future__ import annotations

import pytest
import torch

from tagsmith.config import configure
from tagsmith.training.one_network import NetworkTrainer
from tagsmith.training.run import StepReport
from tagsmith.training.setup import prepare
from tagsmith.training.trainer import averaged, dev_scores, results
from tagsmith.training.training_set import DevSet
from tests.support.training import SENTENCES, SIZES


def trainer_of(**settings: float) -> tuple[NetworkTrainer, DevSet | None]:
    given = {**SIZES, **{f"training.{name}": value for name, value in settings.items()}}
    setup = prepare(SENTENCES, SENTENCES, configure(settings=given), None, "cpu")
    return NetworkTrainer(setup.models[0], setup.data, "cpu"), setup.dev


def test_without_dev_there_are_no_scores() -> None:
    trainer, _ = trainer_of()
    assert dev_scores(trainer, None) == [None]


def test_scores_count_every_sentence_of_dev() -> None:
    trainer, dev = trainer_of()
    (scores,) = dev_scores(trainer, dev)
    assert scores is not None
    assert (scores.sentences, scores.tokens) == (5, 18)


@pytest.mark.parametrize("average", [0.0, 0.9])
def test_averaged_weights_are_in_place_inside_the_block_only(average: float) -> None:
    trainer, _ = trainer_of(average=average, learning_rate=0.5)
    for _ in trainer.epoch(1):
        pass
    (run,) = trainer.runs
    now = run.weights["head.weight"].detach().clone()
    with averaged(trainer.runs):
        inside = run.weights["head.weight"].detach().clone()
    assert torch.equal(inside, now) == (not average)
    assert torch.equal(run.weights["head.weight"], now)


def test_the_result_has_the_weights_of_the_best_epoch_not_of_the_last_step() -> None:
    trainer, _ = trainer_of(learning_rate=0.5)
    (run,) = trainer.runs
    run.advance(StepReport(1.0, 5, 18, 3), 1.0)
    run.finish_epoch(None)
    best = trainer.weights_of(0)["head.weight"]
    for _ in trainer.epoch(2):
        pass
    (result,) = results(trainer)
    assert (result.model.weights["head.weight"] == best).all()
    assert (trainer.weights_of(0)["head.weight"] != best).any()
    assert result.model.training["best_epoch"] == 1
