"""The log of a training, read while it grows and when it is complete."""

from __future__ import annotations

from pathlib import Path

import pytest

from tagsmith import Tagger
from tagsmith.metrics import score
from tagsmith.reproduce.training_log import last_epoch, read_history
from tagsmith.training.checkpoint import Epoch
from tagsmith.training.log import TrainingLog, log_beside
from tests.support.handmade import DEMO, TINY

SPANS = score([(["B-PER", "O"], ["B-PER", "B-PER"])], spans=True)
TOKENS = score([(["NOUN", "VERB"], ["NOUN", "NOUN"])], spans=False)


def epoch(number: int, *, spans: bool = True) -> Epoch:
    return Epoch(number, 1.5 / number, 0.1, 2.0, 100.0, SPANS if spans else TOKENS, best=number == 2)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return tmp_path / "model.safetensors"


@pytest.fixture
def log(model: Path) -> TrainingLog:
    return TrainingLog(log_beside(model))


def test_the_last_epoch_is_read_while_the_log_grows(model: Path, log: TrainingLog):
    assert last_epoch(model) is None
    log.started({"resumed": None})
    assert last_epoch(model) is None
    for number in (1, 2):
        log.finished_epoch(epoch(number))
        last = last_epoch(model)
        assert last is not None
        assert (last.number, last.loss, last.dev_score, last.best) == (number, 1.5 / number, SPANS.score, number == 2)
    with log.path.open("ab") as file:
        file.write(b'{"event":"epoch","ep')
    assert last_epoch(model) == last, "an incomplete line is ignored"


def test_a_new_log_counts_before_an_older_complete_one(model: Path, log: TrainingLog):
    log.started({"resumed": None})
    log.finished_epoch(epoch(2))
    log.keep()
    last = last_epoch(model)
    assert last is not None
    assert last.number == 2
    log.started({"resumed": None})
    assert last_epoch(model) is None


@pytest.mark.parametrize(
    ("resumed", "expected"), [(None, False), ({"checkpoint": False}, False), ({"checkpoint": True}, True)]
)
def test_a_complete_log_has_all_epochs(log: TrainingLog, resumed: dict[str, bool] | None, expected: bool):
    log.started({"resumed": resumed, "further": "facts"})
    for number in (1, 2):
        log.finished_epoch(epoch(number, spans=False))
    log.keep()
    history = read_history(log.final)
    assert history.resumed == expected
    assert [(each.number, each.dev_score) for each in history.epochs] == [(1, 50.0), (2, 50.0)]


def test_the_log_of_a_real_training_is_read(tmp_path: Path):
    model = tmp_path / "model.safetensors"
    settings = {**TINY, "training.epochs": 1}
    Tagger.train(DEMO / "dev.conll", DEMO / "test.conll", settings=settings, out=model, progress=False, resume=True)
    history = read_history(log_beside(model))
    assert history.resumed is False
    assert [each.number for each in history.epochs] == [1]
    assert last_epoch(model) == history.epochs[-1]
