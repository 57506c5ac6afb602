"""The training loop: epochs of steps, an evaluation after each, and the choice of the best epoch."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from tagsmith.config import Config
from tagsmith.embeddings import WordVectors
from tagsmith.store import Model
from tagsmith.text import Sentence
from tagsmith.training.resuming import Checkpointer, CheckpointOptions
from tagsmith.training.run import Observer, TrainingResult
from tagsmith.training.setup import TrainingSetup, make_trainer, prepare
from tagsmith.training.trainer import Trainer, averaged, dev_scores, results


def train(
    sentences: Sequence[Sentence],
    dev: Sequence[Sentence] | None,
    config: Config,
    vectors: WordVectors | None,
    observers: Sequence[Observer] = (),
    device: str = "cpu",
    checkpoints: CheckpointOptions | None = None,
    old: Model | None = None,
) -> TrainingResult:
    """Train on sentences, and keep the epoch with the best score on dev (without dev, the last).

    Ctrl-C ends a training that has finished an epoch, as running out of patience does. What ended it (``epochs``,
    ``patience`` or ``interrupt``) is recorded in the model.

    All randomness is a function of the seed, the epoch and the step. So a training that resumes from a checkpoint
    gives the same bytes as one that was never cut off.

    Source: stochastic gradient descent as in Ma and Hovy 2016, §3.

    Args:
        old: a model to start from. The new model takes over all that both have in common.

    Raises:
        DataError: sentences that can't be learned from.
        ConfigError: an old model of other sizes, a width of word vectors other than that of the vector file, a device
            that does not exist, settings under which the loss becomes infinite, or the checkpoint of another training.
    """
    setup = prepare(sentences, dev, config, vectors, device, old)
    with torch.random.fork_rng(), _torch_threads(setup.config.training.threads):
        trainer = make_trainer(setup)
        run = trainer.runs[0]
        run.observers = observers
        checkpointer = Checkpointer(checkpoints, run, setup) if checkpoints else None
        resumed = checkpointer.resume(trainer) if checkpointer else None
        try:
            run_epochs(trainer, setup, checkpointer, resumed)
        except KeyboardInterrupt:
            if run.progress.best is None:
                raise
            run.interrupted = True
        return results(trainer)[0]


def run_epochs(
    trainer: Trainer,
    setup: TrainingSetup,
    checkpointer: Checkpointer | None = None,
    resumed: dict[str, Any] | None = None,
) -> None:
    """Train every run to its end. A run that has ended waits for the others.

    Args:
        resumed: what the observers are told of the checkpoint.
    """
    observers = [observer for run in trainer.runs for observer in run.observers]
    try:
        for run in trainer.runs:
            run.announce(setup.announcement(run.start.config, resumed))

        while running := [run for run in trainer.runs if not run.stopped]:
            progress = running[0].progress  # all runs are at the same epoch and step
            began = time.perf_counter() - progress.seconds
            for reports in trainer.epoch(progress.number, progress.steps):
                seconds = time.perf_counter() - began
                for run, report in zip(trainer.runs, reports, strict=True):
                    if not run.stopped:
                        run.advance(report, seconds)
                if checkpointer:
                    checkpointer.save_if_due()

            with averaged(running):
                for run, scores in zip(trainer.runs, dev_scores(trainer, setup.dev), strict=True):
                    if not run.stopped:
                        run.finish_epoch(scores)
            if checkpointer:
                checkpointer.save()
    finally:
        for observer in observers:
            observer.finished()


@contextmanager
def _torch_threads(count: int) -> Iterator[None]:
    """Let PyTorch use this many threads inside the block."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
