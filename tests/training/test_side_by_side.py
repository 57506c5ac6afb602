"""Networks side by side, against one network in PyTorch: weights, predictions, checkpoints."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tagsmith import Sentence
from tagsmith.config import configure
from tagsmith.engine.plain import NumpyEngine
from tagsmith.training import loop
from tagsmith.training.one_network import NetworkTrainer
from tagsmith.training.resuming import CheckpointOptions
from tagsmith.training.run import TrainingResult
from tagsmith.training.setup import TrainingSetup, prepare
from tagsmith.training.trainer import Trainer, results
from tests.support.chains import best_path
from tests.support.training import NO_NOISE, SENTENCES, SIZES, Watcher

pytest.importorskip("triton", reason="there is no Triton for this system")
from tagsmith.training.side_by_side import SideBySideTrainer

DEV = [Sentence(["Zoe", "saw", "Bonn"], ["B-PER", "O", "B-LOC"]), *SENTENCES[:2]]


def setup_of(settings: Mapping[str, Any], device: str, seeds: tuple[int, ...] = ()) -> TrainingSetup:
    return prepare(SENTENCES, DEV, configure(settings={**SIZES, **settings}), None, device, seeds=seeds)


def run_epochs(trainer: Trainer, count: int) -> TrainingResult:
    """Take some epochs of the first network, without dev."""
    (run, *_) = trainer.runs
    for number in range(1, count + 1):
        for reports in trainer.epoch(number):
            run.advance(reports[0], seconds=1.0)
        run.finish_epoch(None)
    return results(trainer)[0]


@pytest.mark.parametrize("settings", [{}, {"head.potentials": "bigram", "training.clip": 0.3}], ids=["ner", "bigram"])
def test_the_weights_are_those_of_one_network_in_pytorch(settings: dict[str, Any], device: str) -> None:
    setup = setup_of({**NO_NOISE, **settings, "training.learning_rate": 0.1}, device)
    start = setup.models[0]
    theirs = run_epochs(NetworkTrainer(start, setup.data, "cpu"), 3)
    mine = run_epochs(SideBySideTrainer([start], setup.data, device), 3)
    for name, weight in mine.model.weights.items():
        np.testing.assert_allclose(weight, theirs.model.weights[name], atol=1e-4, rtol=1e-3, err_msg=name)
    for one, other in zip(mine.epochs, theirs.epochs, strict=True):
        assert one.loss == pytest.approx(other.loss, rel=1e-4)
        assert one.learning_rate == other.learning_rate
    moved = np.abs(theirs.model.weights["encoder.state_weight"] - start.weights["encoder.state_weight"])
    assert moved.max() > 0.003


def test_in_bfloat16_training_is_almost_the_same(device: str) -> None:
    losses = []
    for precision in ("float32", "bfloat16"):
        setup = setup_of({"training.precision": precision, "training.learning_rate": 0.1}, device)
        result = run_epochs(SideBySideTrainer(setup.models, setup.data, device), 3)
        losses.append([epoch.loss for epoch in result.epochs])
    exact, rounded = losses
    assert rounded == pytest.approx(exact, rel=0.02)
    assert all(one != other for one, other in zip(rounded, exact, strict=True))


@pytest.mark.parametrize("constraints", ["scheme", "none"])
def test_its_predictions_are_those_of_the_plain_engine(constraints: str, device: str) -> None:
    setup = setup_of({"decode.constraints": constraints, "training.learning_rate": 0.1}, device, seeds=(1, 2))
    trainer = SideBySideTrainer(setup.models, setup.data, device)
    for _ in trainer.epoch(1):
        pass
    predictions = trainer.predict([sentence.tokens for sentence in DEV])
    for run in trainer.runs:
        run.progress.seconds = 1.0
        run.finish_epoch(None)
    for result, predicted in zip(results(trainer), predictions, strict=True):
        engine = NumpyEngine(result.model)
        for sentence, tags in zip(DEV, predicted, strict=True):
            batch = engine.read([sentence.tokens])
            assert tags == [result.model.tags[i] for i in best_path(engine, batch)]


def test_training_resumes_from_a_checkpoint(device: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "make_trainer", lambda setup: SideBySideTrainer(setup.models, setup.data, device))
    config = configure(settings={**SIZES, "training.epochs": 3, "training.learning_rate": 0.1})
    whole = loop.train(SENTENCES, DEV, config, None, device=device)
    kept = tmp_path / "kept.safetensors"

    class CutOff(Watcher):
        def finished_epoch(self, epoch: Any) -> None:
            if epoch.number == 2:
                raise MemoryError

    with pytest.raises(MemoryError):
        loop.train(SENTENCES, DEV, config, None, [CutOff()], device, CheckpointOptions(kept, 0.0))
    assert kept.exists()
    resumed = loop.train(SENTENCES, DEV, config, None, (), device, CheckpointOptions(kept, resume=True))
    for name, weight in whole.model.weights.items():
        np.testing.assert_array_equal(resumed.model.weights[name], weight, err_msg=name)
