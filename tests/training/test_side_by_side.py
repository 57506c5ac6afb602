"""Trainings side by side against the learner on a CPU: weights, answers, checkpoints, and no word to each other."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tagsmith import Sentence
from tagsmith.config import configure
from tagsmith.engine.plain import NumpyEngine
from tagsmith.errors import ConfigError
from tagsmith.training import loop
from tagsmith.training import multi_seed as seeds
from tagsmith.training import setup as start
from tagsmith.training.trainer import Trainer
from tests.support.chains import best_path

pytest.importorskip("triton", reason="there is no Triton for this system")
from tagsmith.training.side_by_side import SideBySide

SIZES = {"words.dim": 5, "chars.dim": 4, "chars.filters": 4, "encoder.size": 6, "training.batch_size": 2}
STILL = {"chars.dropout": 0, "encoder.dropout_in": 0, "encoder.dropout_out": 0, "words.unknown_rate": 0}
SENTENCES = [
    Sentence(["Ann", "saw", "New", "York"], ["B-PER", "O", "B-LOC", "I-LOC"]),
    Sentence(["Bob", "slept"], ["B-PER", "O"]),
    Sentence(["It", "rains", "in", "Bonn", "."], ["O", "O", "O", "B-LOC", "O"]),
    Sentence(["Carl"], ["B-PER"]),
    Sentence(["Ann", "and", "Bob", "slept", "in", "Bonn"], ["B-PER", "O", "B-PER", "O", "O", "B-LOC"]),
]
DEV = [Sentence(["Zoe", "saw", "Bonn"], ["B-PER", "O", "B-LOC"]), *SENTENCES[:2]]


def begin(settings: Mapping[str, Any], device: str) -> start.TrainingSetup:
    return start.begin(SENTENCES, DEV, configure(settings={**SIZES, **settings}), None, device)


def run(learner: Trainer, epochs: int) -> None:
    for _ in range(epochs):
        for _ in learner.epoch():
            pass
        learner.finish_epoch(None)


@pytest.mark.parametrize("settings", [{}, {"head.potentials": "bigram", "training.clip": 0.3}], ids=["ner", "bigram"])
def test_the_weights_are_those_of_the_learner_on_a_cpu(settings: dict[str, Any], device: str) -> None:
    beginning = begin({**STILL, **settings, "training.learning_rate": 0.1}, device)
    expected = Trainer(beginning.model, beginning.data, "cpu")
    learner = SideBySide([beginning.model], beginning.data, device).learners[0]
    run(expected, 3)
    run(learner, 3)
    for name, weight in learner.best_weights().items():
        np.testing.assert_allclose(weight, expected.network.weights()[name], atol=1e-4, rtol=1e-3, err_msg=name)
    for mine, theirs in zip(learner.progress.epochs, expected.progress.epochs, strict=True):
        assert mine.loss == pytest.approx(theirs.loss, rel=1e-4)
        assert mine.learning_rate == theirs.learning_rate
    moved = np.abs(expected.network.weights()["encoder.state_weight"] - beginning.model.weights["encoder.state_weight"])
    assert moved.max() > 0.003


def test_in_bfloat16_training_is_almost_the_same(device: str) -> None:
    learners = []
    for precision in ("float32", "bfloat16"):
        beginning = begin({"training.precision": precision, "training.learning_rate": 0.1}, device)
        learners.append(SideBySide([beginning.model], beginning.data, device).learners[0])
        run(learners[-1], 3)
    exact, rounded = learners
    for mine, theirs in zip(rounded.progress.epochs, exact.progress.epochs, strict=True):
        assert mine.loss == pytest.approx(theirs.loss, rel=0.02)
        assert mine.loss != theirs.loss


def test_bfloat16_is_refused_where_steps_are_not_recorded() -> None:
    config = configure(settings={**SIZES, "training.precision": "bfloat16"})
    message = r"^training.precision=bfloat16, which only steps recorded on a GPU can have; here the device is cpu$"
    with pytest.raises(ConfigError, match=message):
        loop.train(SENTENCES, DEV, config, None)


@pytest.mark.parametrize("constraints", ["scheme", "none"])
def test_its_answers_are_those_of_the_plain_engine(constraints: str, device: str) -> None:
    beginning = begin({"decode.constraints": constraints, "training.learning_rate": 0.1}, device)
    together = SideBySide([beginning.with_seed(seed) for seed in (1, 2)], beginning.data, device)
    for _ in together.epoch(1):
        pass
    for learner, answers in zip(together.learners, together.answers(DEV), strict=True):
        model = start.finish(finished(learner), "epochs").model
        engine = NumpyEngine(model)
        for sentence, tags in zip(DEV, answers, strict=True):
            batch = engine.read([sentence.tokens])
            assert tags == [model.tags[i] for i in best_path(engine, batch)]


def finished(learner: Trainer) -> Trainer:
    learner.progress.seconds = 1.0
    learner.finish_epoch(None)
    return learner


def test_a_training_is_the_same_beside_others_and_alone(device: str) -> None:
    settings = {**SIZES, "training.epochs": 2, "training.learning_rate": 0.1}
    both = seeds.train_together(SENTENCES, DEV, configure(settings=settings), None, [3, 4], device)
    alone = seeds.train_together(SENTENCES, DEV, configure(settings=settings), None, [4], device)
    for name, weight in alone[0].model.weights.items():
        np.testing.assert_allclose(both[1].model.weights[name], weight, atol=1e-5, err_msg=name)
    assert not np.allclose(both[0].model.weights["head.weight"], both[1].model.weights["head.weight"], atol=1e-3)
    assert [run.model.config.training.seed for run in both] == [3, 4]
    assert [run.model.training["stopped"] for run in both] == ["epochs", "epochs"]
    assert both[1].epochs[-1].dev is not None


class Told:
    """Keeps what it is told of a training."""

    def __init__(self) -> None:
        self.facts: dict[str, Any] = {}
        self.steps: list[int] = []
        self.epochs: list[int] = []
        self.tokens, self.over = 0, False

    def started(self, facts: dict[str, Any]) -> None:
        self.facts = facts

    def stepped(self, epoch: int, loss: float, tokens: int) -> None:
        self.steps.append(epoch)
        self.tokens += tokens

    def finished_epoch(self, epoch: Any) -> None:
        self.epochs.append(epoch.number)

    def finished(self) -> None:
        self.over = True


def test_each_seed_ends_by_its_own_patience(device: str) -> None:
    settings = {**SIZES, "training.epochs": 4, "training.patience": 1, "training.learning_rate": 0.2}
    told = [Told(), Told()]
    runs = seeds.train_together(SENTENCES, DEV, configure(settings=settings), None, [1, 2], device, [[t] for t in told])
    for seed, watched, run in zip([1, 2], told, runs, strict=True):
        assert watched.epochs == list(range(1, len(run.epochs) + 1))
        assert watched.steps == watched.epochs  # of three steps there is one report
        assert watched.tokens == len(watched.epochs) * sum(map(len, SENTENCES))
        assert watched.facts["config"]["training"]["seed"] == run.model.config.training.seed == seed
        assert watched.facts["side_by_side"] == run.model.training["side_by_side"] == [1, 2]
        assert watched.over
        assert run.model.training["stopped"] == "patience"
        assert [epoch.best for epoch in run.epochs] == [True] * (len(run.epochs) - 1) + [False]
    assert len(runs[0].epochs) < len(runs[1].epochs)  # the first waited


def test_training_goes_on_from_a_checkpoint(device: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def together(beginning: start.TrainingSetup, device: str) -> Trainer:
        return SideBySide([beginning.model], beginning.data, device).learners[0]

    monkeypatch.setattr(loop, "make_learner", together)
    config = configure(settings={**SIZES, "training.epochs": 3, "training.learning_rate": 0.1})
    whole = loop.train(SENTENCES, DEV, config, None, device=device)
    kept = tmp_path / "kept.safetensors"

    class Cut(Exception):
        pass

    class Stop:
        def started(self, facts: dict[str, Any]) -> None: ...
        def stepped(self, epoch: int, loss: float, tokens: int) -> None: ...
        def finished(self) -> None: ...
        def finished_epoch(self, epoch: Any) -> None:
            if epoch.number == 2:
                raise Cut

    with pytest.raises(Cut):
        loop.train(SENTENCES, DEV, config, None, [Stop()], device, loop.Resumption(kept, 0.0))
    resumed = loop.train(SENTENCES, DEV, config, None, device=device, checkpoints=loop.Resumption(kept, resume=True))
    for name, weight in whole.model.weights.items():
        np.testing.assert_array_equal(resumed.model.weights[name], weight, err_msg=name)


def test_a_loss_that_is_no_number_is_told() -> None:
    beginning = begin({}, "cpu")
    learner = SideBySide([beginning.model], beginning.data, "cpu").learners[0]
    with pytest.raises(ConfigError, match=r"^the loss became nan in epoch 1; lower training.learning_rate$"):
        learner.advance(float("nan"), 3, 1, 0.1)


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"training.optimizer": "adam"}, "training.optimizer=adam"),
        ({"training.average": 0.9}, "training.average=0.9"),
        ({"encoder.kind": "rnn"}, "no kernels of tagsmith's: encoder.kind=rnn"),
    ],
)
def test_what_can_not_be_recorded_says_why(settings: dict[str, Any], why: str) -> None:
    config = configure(settings={**SIZES, **settings})
    assert start.steps_on_gpu(configure()) == start.RECORDED
    assert start.steps_on_gpu(config).startswith(f"PyTorch, one by one: {why}")
    with pytest.raises(ConfigError, match=f"^several seeds at once: {why}"):
        seeds.train_together(SENTENCES, None, config, None, [1, 2])
