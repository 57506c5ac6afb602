"""A job in a process of its own: seeds trained together, and the end of the process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
import torch

from tagsmith.reproduce.job import Job, run, train_side_by_side
from tagsmith.reproduce.planning import plan
from tagsmith.reproduce.results import Results
from tagsmith.reproduce.tables import PaperRow
from tests.support.tiny_task import SETTINGS, TASK, copy_corpus


def test_seeds_trained_together_have_a_record_each(tmp_path: Path):
    pytest.importorskip("triton", reason="there is no Triton for this system")
    folder = copy_corpus(tmp_path / "data")
    for path in folder.glob("*/*.txt"):
        path.write_text("Ann B-PER\nsaw O\nBonn B-LOC\n\nBob B-PER\n\nIt O\nrains O\n\n")
    runs = plan([PaperRow("crf", {**SETTINGS, "training.epochs": 2})], "task", TASK, folder, [], [1, 2])
    experiments, results = [run.experiment for run in runs], Results(tmp_path / "results")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    cut_off = results.work(experiments[0].key) / "model.checkpoint.safetensors"
    cut_off.parent.mkdir(parents=True)
    cut_off.write_bytes(b"of an earlier training of this seed")
    train_side_by_side(experiments, results, device)
    output = [results.run_log(experiment.key).read_text() for experiment in experiments]
    assert all("epoch   2" in text for text in output)
    assert output[0] != output[1]
    train_side_by_side(experiments, results, device)  # finds every model trained
    assert [results.run_log(experiment.key).read_text() for experiment in experiments] == output
    for seed, experiment in enumerate(experiments, 1):
        record = run(experiment, results, device)
        assert record == results.find(experiment)
        assert record.config.training.seed == seed
        assert record.side_by_side == [1, 2]
        assert [epoch.number for epoch in record.epochs] == [1, 2]
        assert not results.work(experiment.key).exists()


def test_a_job_ends_with_the_process_that_started_it(tmp_path: Path):
    data = copy_corpus(tmp_path / "data")
    (long,) = plan([PaperRow("long", {**SETTINGS, "training.epochs": 5000})], "task", TASK, data, [], [1])
    Results(tmp_path / "results").work(long.experiment.key).mkdir(parents=True)
    command = [sys.executable, "-m", "tagsmith.reproduce.job"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ)
    assert process.stdin
    assert process.stderr
    process.stdin.write(msgspec.json.encode(Job([long.experiment], str(tmp_path / "results"))) + b"\n")
    process.stdin.flush()
    assert any(line.startswith(b"epoch") for line in process.stderr)
    process.stdin.close()
    assert process.wait(60) == 1
    process.stderr.close()
