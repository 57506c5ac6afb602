"""Runs in a process of their own, one or several seeds side by side: ``python -m tagsmith.reproduce.job``.

The first line on stdin is the job as JSON. It ends with the process that started it: when that is gone, so is stdin.
"""

from __future__ import annotations

import json
import os
import signal
import statistics
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import msgspec
from msgspec import Struct

from tagsmith import store
from tagsmith.bench.runner import peak_bytes
from tagsmith.embeddings import WordVectors, load_vectors
from tagsmith.errors import TagsmithError
from tagsmith.machine import commit, processor, versions
from tagsmith.metrics import score
from tagsmith.reproduce.class_scores import by_words, score_by_class
from tagsmith.reproduce.experiments import Experiment
from tagsmith.reproduce.records import EpochRecord, Predictions, Record, Results, SplitRecord, VectorsRecord, counted
from tagsmith.reproduce.tables import DEV, TRAIN
from tagsmith.schemes import SCHEMES, sentence_spans
from tagsmith.tagger import Tagger
from tagsmith.text import Sentence
from tagsmith.vocab import ABSENT

MODEL = "model.safetensors"


class Job(Struct, frozen=True):
    """What a process is asked to do."""

    experiments: list[Experiment]
    """One; or several that differ in their seed alone, to be trained side by side on a GPU."""
    results: str
    core: int | None = None
    """Where to run; anywhere, if unset."""
    device: str = "cpu"


def main() -> int:
    """Do the job on stdin; gives the exit code."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that started this one
    job = msgspec.json.decode(sys.stdin.buffer.readline(), type=Job)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if job.core is not None:
        os.sched_setaffinity(0, {job.core})
    results = Results(Path(job.results))
    try:
        if len(job.experiments) > 1:
            train_side_by_side(job.experiments, results, job.device)
        for experiment in reversed(job.experiments):  # the first one's folder has what this process says
            run(experiment, results, job.device)
    except TagsmithError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _end_with_parent() -> None:
    os.read(sys.stdin.fileno(), 1)
    os._exit(1)


def run(experiment: Experiment, results: Results, device: str = "cpu") -> Record:
    """Train, or go on from the checkpoint that is there; score; leave a record.

    Raises:
        DataError: a file that can't be read or learned from.
    """
    began = time.monotonic()
    parts = experiment.read()
    model = results.work(experiment.key) / MODEL
    train_to(model, experiment, parts, device)
    start, *epochs = _read_log(model)
    vectors = load_vectors(experiment.vectors.path) if experiment.vectors else None
    scores, predictions = score_parts(model, parts, vectors)
    training = Tagger.load(model).model.training
    record = Record(
        key=experiment.key,
        task=experiment.task,
        config=experiment.config,
        parts={part: _describe(experiment, part, sentences) for part, sentences in parts.items()},
        tag_column=experiment.tag_column,
        vectors=_vector_table(experiment, vectors),
        scores=scores,
        best_epoch=training["best_epoch"],
        stopped=training["stopped"],
        epochs=[_epoch(line) for line in epochs],
        resumed=bool(start["resumed"] and start["resumed"]["checkpoint"]),
        training_seconds=sum(line["seconds"] for line in epochs),
        wall_seconds=round(time.monotonic() - began, 3),
        tokens_per_second=statistics.median(line["tokens_per_second"] for line in epochs),
        peak_bytes=peak_bytes(),
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        commit=commit(),
        versions=versions(),
        device=training["device"],
        processor=training.get("gpu") or processor(),
        side_by_side=training.get("side_by_side", []),
    )
    record = counted(record, predictions)
    results.save(record, predictions)
    return record


def train_side_by_side(experiments: Sequence[Experiment], results: Results, device: str) -> None:
    """Train to a model file for each, where an earlier process did not get so far, with its log beside it.

    Raises:
        DataError, ConfigError: as ``train_together``.
    """
    from tagsmith.training.checkpoint import checkpoint_beside
    from tagsmith.training.log import TrainingLog, log_beside
    from tagsmith.training.multi_seed import train_together
    from tagsmith.training.progress_bar import ProgressBar

    models = {experiment.key: results.work(experiment.key) / MODEL for experiment in experiments}
    waiting = [experiment for experiment in experiments if not models[experiment.key].exists()]
    if not waiting:
        return
    first, parts = waiting[0], waiting[0].read()
    vectors = load_vectors(first.vectors.path) if first.vectors else None
    seeds = [experiment.config.training.seed for experiment in waiting]
    logs = [TrainingLog(log_beside(models[experiment.key])) for experiment in waiting]
    with ExitStack() as stack:
        files = [stack.enter_context(_open_log(results, experiment)) for experiment in waiting]
        observers = [(ProgressBar(file), log) for file, log in zip(files, logs, strict=True)]
        runs = train_together(parts[TRAIN], parts[DEV], first.config, vectors, seeds, device, observers)
    for experiment, log, done in zip(waiting, logs, runs, strict=True):
        log.keep()
        store.save(done.model, models[experiment.key])
        checkpoint_beside(models[experiment.key]).unlink(missing_ok=True)  # of a training alone, cut off before


def _open_log(results: Results, experiment: Experiment) -> IO[str]:
    """What a training says goes there, a line at a time."""
    results.work(experiment.key).mkdir(parents=True, exist_ok=True)
    return results.run_log(experiment.key).open("a", buffering=1, encoding="utf-8")


def train_to(model: Path, experiment: Experiment, parts: dict[str, list[Sentence]], device: str) -> None:
    """Train to a model file, unless an earlier process got so far."""
    from tagsmith.training.checkpoint import checkpoint_beside

    if model.exists() and not checkpoint_beside(model).exists():
        return
    Tagger.train(
        parts[TRAIN],
        parts[DEV],
        preset=experiment.config,
        vectors=experiment.vectors.path if experiment.vectors else None,
        out=model,
        device=device,
        resume=True,
    )


def score_parts(
    model: Path, parts: dict[str, list[Sentence]], vectors: WordVectors | None
) -> tuple[dict[str, dict[str, dict[str, Any]]], Predictions]:
    """The scores of every part and the predictions for all but train, under each kind of constraints."""
    train = {token.lower() for sentence in parts[TRAIN] for token in sentence.tokens}
    tokens = {token for sentences in parts.values() for sentence in sentences for token in sentence.tokens}
    embedded = {token.lower() for token in tokens if vectors and vectors.words.find(token) != ABSENT}
    scheme = Tagger.load(model, threads=1, precision="fp32")
    spans = scheme.model.config.scheme in SCHEMES
    taggers = {"scheme": scheme}
    if spans:
        taggers["none"] = Tagger.load(model, constraints="none", threads=1, precision="fp32")
    scores: dict[str, dict[str, dict[str, Any]]] = {}
    predictions: Predictions = {}
    for part, sentences in parts.items():
        gold = list(_gold(sentences, spans))
        scores[part], predictions[part] = {}, {"gold": gold}
        for constraints, tagger in taggers.items():
            tags = [list(answer.tags) for answer in tagger.tag(sentences)]
            figures = score(zip(gold, tags, strict=True), spans=spans).as_dict()
            del figures["confusion"]
            rows = zip((sentence.tokens for sentence in sentences), gold, tags, strict=True)
            classes = score_by_class(rows, by_words(train, embedded), spans=spans)
            figures["vocabulary"] = {name: count.as_dict() for name, count in classes.items()}
            scores[part][constraints], predictions[part][constraints] = figures, tags
    del predictions[TRAIN]
    return scores, predictions


def _gold(sentences: Sequence[Sentence], spans: bool) -> Iterator[list[str]]:
    """The gold tags, spans as IOB2."""
    for sentence in sentences:
        tags = SCHEMES["IOB2"].write(sentence_spans(sentence), len(sentence)) if spans else sentence.tags or ()
        yield list(tags)


def _read_log(model: Path) -> list[dict[str, Any]]:
    """The lines of a model's log: the start, then the epochs."""
    from tagsmith.training.log import log_beside

    return [json.loads(line) for line in log_beside(model).read_text("utf-8").splitlines()]


def _epoch(line: dict[str, Any]) -> EpochRecord:
    dev = line["dev"]
    return EpochRecord(
        number=line["epoch"],
        loss=line["loss"],
        learning_rate=line["learning_rate"],
        seconds=line["seconds"],
        tokens_per_second=line["tokens_per_second"],
        dev_score=dev["f1" if dev["task"] == "spans" else "accuracy"],
        best=line["best"],
    )


def _describe(experiment: Experiment, part: str, sentences: Sequence[Sentence]) -> SplitRecord:
    file = experiment.files.get(part) or experiment.files[TRAIN]
    name = file.name
    if DEV not in experiment.files and part in (TRAIN, DEV):
        name += ", its last tenth" if part == DEV else ", all but its last tenth"
    return SplitRecord(name=name, sha256=file.sha256, sentences=len(sentences), tokens=sum(map(len, sentences)))


def _vector_table(experiment: Experiment, vectors: WordVectors | None) -> VectorsRecord | None:
    if experiment.vectors is None or vectors is None:
        return None
    words, dim = vectors.matrix.shape
    return VectorsRecord(name=experiment.vectors.name, sha256=experiment.vectors.sha256, words=words, dim=dim)


if __name__ == "__main__":
    sys.exit(main())
