"""The training loop, top to bottom: stochastic gradient descent as Ma and Hovy (2016, §3) do it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import torch

from tagsmith.config import Config
from tagsmith.embeddings import WordVectors
from tagsmith.engine import check_device
from tagsmith.errors import ConfigError, DataError
from tagsmith.store import Model
from tagsmith.text import Sentence
from tagsmith.training import checkpoint
from tagsmith.training.checkpoint import data_of
from tagsmith.training.observer import Observer
from tagsmith.training.setup import TrainingResult, begin, ended, finish, make_learner
from tagsmith.training.trainer import Trainer

_ORDER = {"data.train", "config.training.batch_size", "config.training.seed"}
"""What decides which sentences an epoch's steps take."""


@dataclass(frozen=True)
class Resumption:
    """Where a training keeps its checkpoint, how often, and whether it goes on from the one that is there."""

    path: Path
    minutes: float = 10.0
    """Between checkpoints within an epoch; there is one after every epoch anyway."""
    resume: bool = False
    anyway: bool = False
    """Go on though settings, sentences or versions are not those of the checkpoint."""

    def __post_init__(self) -> None:
        if not self.minutes >= 0:
            raise ConfigError(f"found {self.minutes} minutes between checkpoints; expected 0 or more")

    def check(self, model: Path) -> None:
        """See to it that there is something to go on from, or nothing in the way of a new start.

        Raises:
            DataError: a checkpoint is there that is not to be gone on from, or none and a finished model.
        """
        if self.path.exists() and not self.resume:
            found = "the checkpoint of an unfinished training"
            raise DataError(found, "--resume to go on from it, or that you delete it", source=str(self.path))
        if self.resume and model.exists() and not self.path.exists():
            found = "a finished model without a checkpoint, so nothing to go on from"
            raise DataError(found, "no --resume, to train anew", source=str(model))


def train(
    sentences: Sequence[Sentence],
    dev: Sequence[Sentence] | None,
    config: Config,
    vectors: WordVectors | None,
    observers: Sequence[Observer] = (),
    device: str = "cpu",
    checkpoints: Resumption | None = None,
    old: Model | None = None,
) -> TrainingResult:
    """Train on sentences; keep the epoch with the best score on dev (without dev, the last).

    An interrupt from the keyboard ends a training that has finished an epoch, as running out of patience does. What
    ended it (``epochs``, ``patience`` or ``interrupt``) stands in the model. While the dev score is 0, a later epoch
    counts as better, so patience begins with the first span found.

    All randomness is a function of the seed, the epoch and the step, so a training that goes on from a checkpoint
    ends in the same bytes as one that was never cut off.

    Args:
        old: a model to start from; all that it has in common with the new one is taken over.

    Raises:
        DataError: sentences that can't be learned from.
        ConfigError: a model to start from with other sizes, a width of word vectors other than that of the vector
            file, a device that is not there, settings under which the loss grows beyond all numbers, or a checkpoint
            of another training.
    """
    check_device(device)
    beginning = begin(sentences, dev, config, vectors, device, old)
    gold, settings = beginning.gold, beginning.config.training
    identity = {
        "config": msgspec.to_builtins(beginning.config),
        "data": data_of(beginning.model, beginning.data.sentences, dev),
        "versions": beginning.facts["versions"],
        "device": device,
    }

    with torch.random.fork_rng(), _threads(settings.threads):
        learner = make_learner(beginning, device)
        resumed = None
        if checkpoints and checkpoints.resume:
            resumed = _go_on(learner, checkpoints, identity, dev, gold)
        progress = learner.progress
        saved = time.monotonic()

        def save_checkpoint(if_older_than: float = 0.0) -> None:
            nonlocal saved
            if checkpoints and time.monotonic() - saved >= if_older_than:
                checkpoint.save(learner.checkpoint(), identity, checkpoints.path)
                saved = time.monotonic()

        stopped = None
        try:
            for observer in observers:
                observer.started(beginning.announcement(beginning.config, resumed))
                for epoch in progress.epochs:
                    observer.finished_epoch(epoch)
            while not (stopped := ended(progress, settings)):
                for loss, tokens in learner.epoch():
                    for observer in observers:
                        observer.stepped(progress.number, loss, tokens)
                    save_checkpoint(if_older_than=60 * checkpoints.minutes if checkpoints else 0.0)
                scores = None if dev is None else learner.evaluate(dev, gold)
                learner.finish_epoch(scores)
                for observer in observers:
                    observer.finished_epoch(progress.epochs[-1])
                save_checkpoint()
        except KeyboardInterrupt:
            if progress.best is None:
                raise
            stopped = "interrupt"
        finally:
            for observer in observers:
                observer.finished()
        return finish(learner, stopped)


def _go_on(
    learner: Trainer,
    checkpoints: Resumption,
    identity: dict[str, Any],
    dev: Sequence[Sentence] | None,
    gold: Sequence[Sequence[str]],
) -> dict[str, Any]:
    """Take up the checkpoint, if there is one: what is done, and what of it no longer counts."""
    notes: list[str] = []
    found = checkpoints.path.exists()
    if found:
        kept = checkpoint.load(checkpoints.path, identity, anyway=checkpoints.anyway)
        learner.restore(kept)
        if learner.progress.steps and kept.changed & _ORDER:
            learner.progress.begin_epoch()
            notes.append("other sentences, batches or seed than the checkpoint's: its unfinished epoch begins anew")
        if learner.progress.epochs and "data.dev" in kept.changed:
            best = learner.rescore(dev, gold)
            score = f"scores {best.dev.score:.2f} on the new one" if best.dev else "has no score now"
            notes.append(
                f"another dev file than the checkpoint's, whose scores are forgotten: epoch {best.number}, "
                f"the best on the old one, {score}"
            )
    progress = learner.progress
    seconds = sum(epoch.seconds for epoch in progress.epochs) + progress.seconds
    done = {"epochs": len(progress.epochs), "steps": progress.steps, "seconds": round(seconds, 3)}
    return {"checkpoint": found, **done, "notes": notes}


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
