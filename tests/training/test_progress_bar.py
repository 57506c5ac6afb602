"""The progress of a training on a terminal."""

from __future__ import annotations

import re

import numpy as np
import pytest

from tagsmith.config import configure
from tagsmith.embeddings import WordVectors
from tagsmith.text import Sentence
from tagsmith.training import loop
from tagsmith.training.history import Epoch
from tagsmith.training.progress_bar import ProgressBar
from tagsmith.training.run import TrainingResult
from tagsmith.vocab import Vocabulary

SENTENCES = [Sentence(["Ann", "slept"], ["B-PER", "O"]), Sentence(["Bob", "ran", "off"], ["B-PER", "O", "O"])]
SIZES = {"chars.dim": 3, "chars.filters": 3, "encoder.size": 3, "training.epochs": 2}


@pytest.fixture(autouse=True)
def _no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)


def lines_of(
    capsys: pytest.CaptureFixture[str],
    dev: list[Sentence] | None,
    scheme: str = "BIOES",
    vectors: WordVectors | None = None,
) -> tuple[list[str], TrainingResult]:
    run = loop.train(SENTENCES, dev, configure(settings={**SIZES, "scheme": scheme}), vectors, [ProgressBar()])
    out, err = capsys.readouterr()
    assert out == ""
    return err.splitlines(), run


def test_an_epochs_line_has_loss_speed_and_dev_scores(capsys: pytest.CaptureFixture[str]) -> None:
    lines, run = lines_of(capsys, SENTENCES)
    assert lines[0] == "training on 2 sentences, 5 tokens; 2 sentences for dev"
    assert len(lines) == 3
    for line, epoch in zip(lines[1:], run.epochs, strict=True):
        assert epoch.dev is not None
        p, r, f = epoch.dev.overall.precision, epoch.dev.overall.recall, epoch.dev.f1
        assert line.startswith(f"epoch   {epoch.number}  loss {epoch.loss:7.4f}  ")
        assert re.search(rf" tokens/s  dev P {p:.2f}  R {r:.2f}  F1 {f:.2f}{'  best' if epoch.best else ''}$", line)
    assert lines[1].endswith("  best")


def test_plain_tags_are_scored_by_accuracy(capsys: pytest.CaptureFixture[str]) -> None:
    lines, run = lines_of(capsys, SENTENCES, scheme="plain")
    assert run.epochs[0].dev is not None
    assert lines[1].endswith(f"  dev accuracy {run.epochs[0].dev.accuracy:.2f}  best")


def test_without_dev_no_epoch_is_called_best_and_a_line_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    lines, _ = lines_of(capsys, None)
    assert lines[0] == "training on 2 sentences, 5 tokens; no dev file"
    assert lines[1].startswith("without a dev file there is no early stopping, and the last epoch is kept")
    assert all(line.endswith(" tokens/s") for line in lines[2:])
    assert len(lines) == 4


def test_what_the_vectors_cover_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    vectors = WordVectors(Vocabulary(["ann", "off", "zebra"]), np.zeros((3, 2), np.float32), "v.txt", 1_234, "glove")
    lines, _ = lines_of(capsys, SENTENCES, vectors=vectors)
    assert lines[1] == (
        "vectors for 3 words (GloVe text); of the 5 words of the training data: "
        "1 exact (20.0 %), 1 lower-cased (20.0 %), 0 digits zeroed (0.0 %), 3 absent (60.0 %)"
    )
    assert lines[2] == "1,234 rows of the vectors repeat a word; the first row of each word is used"


def test_a_loss_that_explodes_is_pointed_out(capsys: pytest.CaptureFixture[str]) -> None:
    report = ProgressBar()
    loop.train(SENTENCES, None, configure(settings=SIZES), None, [report])
    capsys.readouterr()
    for number, loss in enumerate([2.0, 1999.0, 2001.0], 1):
        report.finished_epoch(Epoch(number, loss, 0.1, 1.0, 1.0, None, True))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 4
    assert lines[3] == "the loss is 1,000 times that of the first epoch: a lower training.learning_rate may help"


def test_a_terminal_gets_a_bar_that_is_removed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    report = ProgressBar()
    assert report.console.is_terminal
    loop.train(SENTENCES, None, configure(settings=SIZES), None, [report])
    err = capsys.readouterr().err
    assert "epoch 2/2" in err
    assert "100 %" in err
    assert not report.progress.live.is_started
    assert err.rindex("\x1b[?25h") > err.rindex("\x1b[?25l")  # the cursor is back
    assert err.endswith("\x1b[2K")  # and the bar's line is empty
