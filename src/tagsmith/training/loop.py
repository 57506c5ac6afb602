"""The training loop, top to bottom: stochastic gradient descent as Ma and Hovy (2016, §3) do it."""

from __future__ import annotations

import dataclasses
import platform
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

import msgspec
import numpy as np
import torch

from tagsmith.config import Config, Training
from tagsmith.embeddings import Vectors
from tagsmith.engine import check_device
from tagsmith.errors import ConfigError, DataError
from tagsmith.model.network import initial_weights
from tagsmith.store import Model, shapes
from tagsmith.text import Sentence
from tagsmith.training import checkpoint
from tagsmith.training.checkpoint import Epoch, Progress, data_of
from tagsmith.training.data import TrainingSet, dev_rows, training_set, unseen_labels, without_vector, word_vectors
from tagsmith.training.inherit import inherit, known_vectors
from tagsmith.training.learner import Learner

_ORDER = {"data.train", "config.training.batch_size", "config.training.seed"}
"""What decides which sentences an epoch's steps take."""


class Observer(Protocol):
    """Whoever watches a training: the progress bar, the log."""

    def started(self, facts: dict[str, Any]) -> None:
        """Before the first step, with what is known of the data, the settings and the machine."""
        ...

    def stepped(self, epoch: int, loss: float, tokens: int) -> None:
        """After each step: the mean loss of its sentences, and its tokens."""
        ...

    def finished_epoch(self, epoch: Epoch) -> None:
        """After each epoch and its evaluation."""
        ...

    def finished(self) -> None:
        """At the end, however it came."""
        ...


@dataclass
class Run:
    """A finished training: the model of the best epoch, and all epochs."""

    model: Model
    epochs: list[Epoch] = field(default_factory=list)


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
    vectors: Vectors | None,
    observers: Sequence[Observer] = (),
    device: str = "cpu",
    checkpoints: Resumption | None = None,
    old: Model | None = None,
) -> Run:
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
    rows = known_vectors(old, vectors) if old else vectors
    config = _with_dim(config, rows)
    settings = config.training
    data = training_set(sentences, config, vectors, old.alphabets if old else None)
    gold = [] if dev is None else dev_rows(dev, config.scheme)
    unseen = unseen_labels(gold, data.tags, config.scheme)
    rng = np.random.default_rng(settings.seed)
    weights = initial_weights(shapes(config, data.alphabets, len(data.tags)), rng)
    weights["words.vectors"] = word_vectors(data.alphabets, rows, config.words.dim or 0, rng)
    facts = {**_facts(data, dev, vectors), "versions": _versions(), "device": device}
    lacking = without_vector(data.alphabets, vectors, old)
    start = Model(config, data.alphabets, data.tags, weights, facts, without_vector=lacking)
    if old:
        weights, inherited = inherit(old, start)
        facts["inherited"] = inherited.lines("the model to start from")
        start = dataclasses.replace(start, weights=weights)
    identity = {
        "config": msgspec.to_builtins(config),
        "data": data_of(start, data.sentences, dev),
        "versions": facts["versions"],
        "device": device,
    }

    with torch.random.fork_rng(), _threads(settings.threads):
        learner = Learner(start, data, device)
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
                observer.started({**facts, "config": identity["config"], "resumed": resumed, "unseen_labels": unseen})
                for epoch in progress.epochs:
                    observer.finished_epoch(epoch)
            while not (stopped := _ended(progress, settings)):
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
        best = progress.best
        assert best is not None  # there is at least one epoch, and the first is the best so far
        brief = None if best.dev is None else {"score": best.dev.score, "accuracy": best.dev.accuracy}
        known = {"epochs": len(progress.epochs), "best_epoch": best.number, "stopped": stopped, "dev": brief}
        model = dataclasses.replace(start, weights=learner.best_weights(), training={**facts, **known})
    return Run(model, progress.epochs)


def _go_on(
    learner: Learner,
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


def _ended(progress: Progress, settings: Training) -> str | None:
    done, best = len(progress.epochs), progress.best
    if best and done - best.number >= settings.patience:
        return "patience"
    return "epochs" if done >= settings.epochs else None


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _with_dim(config: Config, vectors: Vectors | None) -> Config:
    if vectors and config.words.dim not in (None, vectors.dim):
        wide = f"the vectors of {vectors.source} are {vectors.dim} wide"
        raise ConfigError(f"words.dim is {config.words.dim}, but {wide}; leave it unset")
    dim = vectors.dim if vectors else config.words.dim or 100
    return msgspec.structs.replace(config, words=msgspec.structs.replace(config.words, dim=dim))


def _facts(data: TrainingSet, dev: Sequence[Sentence] | None, vectors: Vectors | None) -> dict[str, Any]:
    words = {token for sentence in data.sentences for token in sentence.tokens}
    return {
        "train_sentences": len(data.sentences),
        "train_tokens": data.tokens,
        "train_words": data.alphabets.trained - 1,
        "dev_sentences": None if dev is None else len(dev),
        "vectors": vectors
        and {
            "form": vectors.form,
            "words": len(vectors.words),
            "repeated": vectors.repeated,
            "coverage": dataclasses.asdict(vectors.coverage(words, data.alphabets.word_of)),
        },
    }


def _versions() -> dict[str, Any]:
    names = {"tagsmith": version("tagsmith"), "torch": str(torch.__version__), "numpy": np.__version__}
    return {"python": platform.python_version(), **names}
