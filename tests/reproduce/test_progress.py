"""The progress of runs as a person sees it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tagsmith.config import configure
from tagsmith.reproduce.experiments import Experiment, SeedRun
from tagsmith.reproduce.progress import RunProgress
from tests.support.handmade_records import make_record


def seed_run(preset: str = "ner") -> SeedRun:
    return SeedRun("one", Experiment(task="task", config=configure(preset), files={}))


@pytest.mark.parametrize(("preset", "dev"), [("ner", "dev F1 70.00"), ("pos", "dev accuracy 70.00")])
def test_a_bar_moves_to_the_last_epoch(preset: str, dev: str):
    record, _ = make_record()
    run = seed_run(preset)
    with RunProgress(0, 1) as progress:
        progress.started(run)
        progress.at_epoch(run, record.epochs[0])
        bar = progress.progress.tasks[1]
        assert (bar.completed, bar.total, bar.fields["dev"]) == (1, 50, dev)


def test_a_finished_run_is_a_line_with_its_scores(capsys: pytest.CaptureFixture[str]):
    record, _ = make_record()
    with RunProgress(1, 3) as progress:
        progress.started(seed_run())
        progress.finished(seed_run(), record)
        assert [(bar.completed, bar.total) for bar in progress.progress.tasks] == [(2, 3)]
    scores = f"dev {record.score('dev'):.2f}, test {record.score('test'):.2f} (epoch 3 of 3)"
    assert capsys.readouterr().err.splitlines() == [
        "started task: one, seed 1",
        f"finished task: one, seed 1: {scores}; 2 of 3 done",
    ]


def test_a_failed_run_shows_the_end_of_its_output(capsys: pytest.CaptureFixture[str]):
    with RunProgress(0, 1) as progress:
        progress.started(seed_run())
        progress.failed(seed_run(), [f"line {number}" for number in range(12)], Path("run.log"))
    shown = capsys.readouterr().err
    assert shown.startswith("started task: one, seed 1\nfailed task: one, seed 1; the end of run.log:\n  line 2\n")
    assert shown.rstrip().endswith("  line 11")
