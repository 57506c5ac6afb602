"""Saving checkpoints during a training, and resuming from them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from tagsmith.errors import ConfigError, DataError
from tagsmith.training import checkpoint
from tagsmith.training.averaging import replaced
from tagsmith.training.run import TrainingRun
from tagsmith.training.setup import TrainingSetup
from tagsmith.training.trainer import Trainer, dev_scores

_ORDER = {"data.train", "config.training.batch_size", "config.training.seed"}
"""What decides which sentences each step of an epoch reads."""


@dataclass(frozen=True)
class CheckpointOptions:
    """The path of a training's checkpoint, the time between two, and whether to resume from it."""

    path: Path
    minutes: float = 10.0
    """Time between checkpoints within an epoch. There is one after every epoch anyway."""
    resume: bool = False
    resume_anyway: bool = False
    """Resume although settings, sentences or versions differ from those of the checkpoint."""

    def __post_init__(self) -> None:
        if not self.minutes >= 0:
            raise ConfigError(f"found {self.minutes} minutes between checkpoints; expected 0 or more")

    def check(self, model: Path) -> None:
        """Check that there is a checkpoint to resume from, or that a new training overwrites none.

        Raises:
            DataError: a checkpoint that the training would overwrite, or a finished model and no checkpoint.
        """
        if self.path.exists() and not self.resume:
            found = "the checkpoint of an unfinished training"
            raise DataError(found, "--resume to continue it, or that you delete it", source=str(self.path))
        if self.resume and model.exists() and not self.path.exists():
            found = "a finished model without a checkpoint, so nothing to resume"
            raise DataError(found, "no --resume, to train from the beginning", source=str(model))


class Checkpointer:
    """Saves the checkpoints of a run, and resumes it from one."""

    def __init__(self, options: CheckpointOptions, run: TrainingRun, setup: TrainingSetup) -> None:
        self.options, self.run, self.setup = options, run, setup
        self.identity = {
            "config": msgspec.to_builtins(setup.config),
            "data": checkpoint.data_of(run.start, setup.data.sentences, setup.dev and setup.dev.sentences),
            "versions": setup.facts["versions"],
            "device": setup.device,
        }
        """What tells the training from all others."""
        self._saved = time.monotonic()

    def save(self) -> None:
        """Save a checkpoint."""
        checkpoint.save(self.run.checkpoint(), self.identity, self.options.path)
        self._saved = time.monotonic()

    def save_if_due(self) -> None:
        """Save a checkpoint if the last one is old enough."""
        if time.monotonic() - self._saved >= 60 * self.options.minutes:
            self.save()

    def resume(self, trainer: Trainer) -> dict[str, Any] | None:
        """Resume the run, if it is to, and return for its observers what was done before; else None.

        Raises:
            ConfigError, DataError: the checkpoint of another training, or a damaged one.
        """
        if not self.options.resume:
            return None
        run, notes, found = self.run, [], self.options.path.exists()
        if found:
            kept = checkpoint.load(self.options.path, self.identity, anyway=self.options.resume_anyway)
            run.restore(kept)
            if run.progress.steps and kept.changed & _ORDER:
                run.progress.restart_epoch()
                notes.append(
                    "sentences, batches or seed differ from the checkpoint's: its unfinished epoch starts again"
                )
            if run.progress.epochs and "data.dev" in kept.changed:
                notes.append(self._rescore(trainer))
        progress = run.progress
        seconds = sum(epoch.seconds for epoch in progress.epochs) + progress.seconds
        done = {"epochs": len(progress.epochs), "steps": progress.steps, "seconds": round(seconds, 3)}
        self._saved = time.monotonic()
        return {"checkpoint": found, **done, "notes": notes}

    def _rescore(self, trainer: Trainer) -> str:
        """Score the best epoch on another dev file, and say so."""
        with replaced(self.run.weights, self.run.best):
            scores = dev_scores(trainer, self.setup.dev)[0]
        best = self.run.rescore(scores)
        score = f"scores {scores.score:.2f} on the new one" if scores else "has no score now"
        return (
            f"the dev file differs from the checkpoint's, whose scores are dropped: epoch {best.number}, "
            f"the best on the old one, {score}"
        )
