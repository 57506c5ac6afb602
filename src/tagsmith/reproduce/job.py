"""Train and score one run, or several seeds together, in this process: ``python -m tagsmith.reproduce.job``.

The first line on stdin is the job as JSON. The process ends when stdin is closed, and so with the process that started
it.
"""

from __future__ import annotations

import os
import signal
import statistics
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import msgspec
from msgspec import Struct

from tagsmith import store
from tagsmith.bench.runner import peak_bytes
from tagsmith.embeddings import WordVectors, load_vectors
from tagsmith.errors import TagsmithError
from tagsmith.machine import commit, processor, versions
from tagsmith.reproduce.experiments import Experiment
from tagsmith.reproduce.records import Record, SplitRecord, VectorsRecord, with_counts
from tagsmith.reproduce.results import Results
from tagsmith.reproduce.scoring import score_splits
from tagsmith.reproduce.tables import DEV, TRAIN
from tagsmith.reproduce.training_log import read_history
from tagsmith.tagger import Tagger
from tagsmith.text import Sentence


class Job(Struct, frozen=True):
    """The work of one process."""

    experiments: list[Experiment]
    """One, or several that differ only in their seed, to be trained together on a GPU."""
    results: str
    core: int | None = None
    """The core to run on; any core if unset."""
    device: str = "cpu"


def main() -> int:
    """Do the job on stdin and return the exit code."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that started this one
    job = msgspec.json.decode(sys.stdin.buffer.readline(), type=Job)
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    if job.core is not None:
        os.sched_setaffinity(0, {job.core})
    results = Results(Path(job.results))
    try:
        if len(job.experiments) > 1:
            train_side_by_side(job.experiments, results, job.device)
        for experiment in reversed(job.experiments):  # the first one's folder holds the output of this process
            run(experiment, results, job.device)
    except TagsmithError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _exit_with_parent() -> None:
    os.read(sys.stdin.fileno(), 1)
    os._exit(1)


def run(experiment: Experiment, results: Results, device: str = "cpu") -> Record:
    """Train, resuming from a checkpoint if there is one; then score and save a record.

    Raises:
        DataError: a file can't be read or learned from.
    """
    began = time.monotonic()
    splits = experiment.read()
    model = results.model_path(experiment.key)
    train(model, experiment, splits, device)
    history = read_history(_training_log(model))
    vectors = load_vectors(experiment.vectors.path) if experiment.vectors else None
    scores, predictions = score_splits(model, splits, vectors)
    training = Tagger.load(model).model.training
    record = Record(
        key=experiment.key,
        task=experiment.task,
        config=experiment.config,
        parts={split: _describe(experiment, split, sentences) for split, sentences in splits.items()},
        tag_column=experiment.tag_column,
        vectors=_vectors_record(experiment, vectors),
        scores=scores,
        best_epoch=training["best_epoch"],
        stopped=training["stopped"],
        epochs=history.epochs,
        resumed=history.resumed,
        training_seconds=sum(epoch.seconds for epoch in history.epochs),
        wall_seconds=round(time.monotonic() - began, 3),
        tokens_per_second=statistics.median(epoch.tokens_per_second for epoch in history.epochs),
        peak_bytes=peak_bytes(),
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        commit=commit(),
        versions=versions(),
        device=training["device"],
        processor=training.get("gpu") or processor(),
        side_by_side=training.get("side_by_side", []),
    )
    record = with_counts(record, predictions)
    results.save(record, predictions)
    return record


def train(model: Path, experiment: Experiment, splits: Mapping[str, Sequence[Sentence]], device: str) -> None:
    """Train to a model file, unless an earlier process has finished it."""
    from tagsmith.training.checkpoint import checkpoint_beside

    if model.exists() and not checkpoint_beside(model).exists():
        return
    Tagger.train(
        splits[TRAIN],
        splits[DEV],
        preset=experiment.config,
        vectors=experiment.vectors.path if experiment.vectors else None,
        out=model,
        device=device,
        resume=True,
    )


def train_side_by_side(experiments: Sequence[Experiment], results: Results, device: str) -> None:
    """Train the seeds whose models an earlier process has not finished, each to a model file with its log.

    Raises:
        DataError, ConfigError: as ``train_together``.
    """
    from tagsmith.training.checkpoint import checkpoint_beside
    from tagsmith.training.log import TrainingLog
    from tagsmith.training.multi_seed import train_together
    from tagsmith.training.progress_bar import ProgressBar

    models = {experiment.key: results.model_path(experiment.key) for experiment in experiments}
    waiting = [experiment for experiment in experiments if not models[experiment.key].exists()]
    if not waiting:
        return
    first, splits = waiting[0], waiting[0].read()
    vectors = load_vectors(first.vectors.path) if first.vectors else None
    seeds = [experiment.config.training.seed for experiment in waiting]
    logs = [TrainingLog(_training_log(models[experiment.key])) for experiment in waiting]
    with ExitStack() as stack:
        files = [stack.enter_context(_open_run_log(results, experiment)) for experiment in waiting]
        observers = [(ProgressBar(file), log) for file, log in zip(files, logs, strict=True)]
        trained = train_together(splits[TRAIN], splits[DEV], first.config, vectors, seeds, device, observers)
    for experiment, log, result in zip(waiting, logs, trained, strict=True):
        log.keep()
        store.save(result.model, models[experiment.key])
        checkpoint_beside(models[experiment.key]).unlink(missing_ok=True)  # left by an earlier training of this seed


def _open_run_log(results: Results, experiment: Experiment) -> IO[str]:
    """Open the file for the output of a training, written line by line."""
    results.work(experiment.key).mkdir(parents=True, exist_ok=True)
    return results.run_log(experiment.key).open("a", buffering=1, encoding="utf-8")


def _training_log(model: Path) -> Path:
    from tagsmith.training.log import log_beside

    return log_beside(model)


def _describe(experiment: Experiment, split: str, sentences: Sequence[Sentence]) -> SplitRecord:
    file = experiment.files.get(split) or experiment.files[TRAIN]
    name = file.name
    if DEV not in experiment.files and split in (TRAIN, DEV):
        name += ", its last tenth" if split == DEV else ", all but its last tenth"
    return SplitRecord(name=name, sha256=file.sha256, sentences=len(sentences), tokens=sum(map(len, sentences)))


def _vectors_record(experiment: Experiment, vectors: WordVectors | None) -> VectorsRecord | None:
    if experiment.vectors is None or vectors is None:
        return None
    words, dim = vectors.matrix.shape
    return VectorsRecord(name=experiment.vectors.name, sha256=experiment.vectors.sha256, words=words, dim=dim)


if __name__ == "__main__":
    sys.exit(main())
