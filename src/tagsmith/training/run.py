"""One network on its way through training: its weights, its history, its best epoch, and its checkpoint."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from torch import Tensor

from tagsmith.config import TrainingConfig
from tagsmith.errors import ConfigError, DataError
from tagsmith.metrics import Scores
from tagsmith.model.network import Weights
from tagsmith.store import Model
from tagsmith.tensors import check_same_shapes
from tagsmith.training.averaging import Average, NamedTensors, copy_into
from tagsmith.training.checkpoint import Checkpoint
from tagsmith.training.history import Epoch, Progress, stop_reason
from tagsmith.training.schedules import learning_rate


class Observer(Protocol):
    """An object that is informed of the events of a training."""

    def started(self, facts: dict[str, Any]) -> None:
        """Receive the facts about the data, the settings and the machine, before the first step."""
        ...

    def stepped(self, epoch: int, loss: float, tokens: int) -> None:
        """Receive the mean loss of the sentences of one or more steps, and their tokens."""
        ...

    def finished_epoch(self, epoch: Epoch) -> None:
        """Receive an epoch after its evaluation."""
        ...

    def finished(self) -> None:
        """Receive the end of the training, whatever its reason."""
        ...


class StepReport(NamedTuple):
    """Sums over one or more steps of a network."""

    loss: float
    """Sum of the losses of all sentences."""
    sentences: int
    tokens: int
    steps: int = 1

    @property
    def mean_loss(self) -> float:
        """Mean loss of the sentences."""
        return self.loss / self.sentences


class Stateful(Protocol):
    """An object with a state that a checkpoint keeps."""

    def state(self) -> dict[str, Tensor]:
        """Return all that it remembers, by name."""
        ...

    def load_state(self, state: NamedTensors) -> None:
        """Restore what ``state`` returned."""
        ...


@dataclass(frozen=True)
class TrainingResult:
    """A finished training: the model of the best epoch, and all epochs."""

    model: Model
    epochs: list[Epoch] = field(default_factory=list)


@dataclass
class TrainingRun:
    """The training of one network, which a trainer moves forward."""

    start: Model
    """What it starts from. Its settings have the seed of this run."""
    weights: NamedTensors
    """The weights as they are now, in place; without the vectors that no training changes."""
    optimizer: Stateful
    average: Average
    sentences: int
    """Sentences that an epoch reads."""
    observers: Sequence[Observer] = ()
    progress: Progress = field(default_factory=Progress)
    best: dict[str, Tensor] = field(default_factory=dict)
    """The weights of the best epoch."""
    interrupted: bool = False

    @property
    def settings(self) -> TrainingConfig:
        """The settings of this run."""
        return self.start.config.training

    @property
    def stopped(self) -> str | None:
        """The reason why it ended: ``epochs``, ``patience`` or ``interrupt``; None while it continues."""
        return "interrupt" if self.interrupted else stop_reason(self.progress, self.settings)

    def announce(self, facts: dict[str, Any]) -> None:
        """Tell the observers that the run starts, and of the epochs that it resumes after."""
        for observer in self.observers:
            observer.started(facts)
            for epoch in self.progress.epochs:
                observer.finished_epoch(epoch)

    def advance(self, report: StepReport, seconds: float) -> None:
        """Count some steps of the current epoch, which has taken these seconds so far.

        Raises:
            ConfigError: the loss is infinite or not a number.
        """
        progress = self.progress
        if not math.isfinite(report.loss):
            found = f"the loss became {report.loss} in epoch {progress.number}"
            raise ConfigError(f"{found}; lower training.learning_rate")
        progress.loss += report.loss
        progress.tokens += report.tokens
        progress.steps += report.steps
        progress.seconds = seconds
        for observer in self.observers:
            observer.stepped(progress.number, report.mean_loss, report.tokens)

    def finish_epoch(self, dev: Scores | None) -> None:
        """Finish the current epoch. If it is the best so far, keep a copy of the weights."""
        rate = learning_rate(self.settings, self.progress.number)
        epoch = self.progress.finish_epoch(self.sentences, rate, dev)
        if epoch.best:
            self.best = {name: weight.detach().clone() for name, weight in self.weights.items()}
        for observer in self.observers:
            observer.finished_epoch(epoch)

    def rescore(self, dev: Scores | None) -> Epoch:
        """Replace the dev scores of all epochs: the best one gets this score, the others none. Return the best."""
        before = self.progress.best
        assert before is not None  # the first epoch is the best until another is
        best = dataclasses.replace(before, dev=dev)
        others = [dataclasses.replace(epoch, dev=None) for epoch in self.progress.epochs]
        self.progress.epochs = [*others[: best.number - 1], best, *others[best.number :]]
        return best

    def checkpoint(self) -> Checkpoint:
        """Return all that changes in training."""
        return Checkpoint(
            self.progress,
            {
                "weights": self.weights,
                "best": self.best,
                "optimizer": self.optimizer.state(),
                "average": self.average.state(),
            },
        )

    def restore(self, kept: Checkpoint) -> None:
        """Resume from a checkpoint.

        Raises:
            ConfigError: its weights, or the numbers of its optimizer, have other names or shapes.
            DataError: it has more steps of an epoch than an epoch has.
        """
        steps = math.ceil(self.sentences / self.settings.batch_size)
        if not 0 <= kept.progress.steps <= steps:
            raise DataError(f"{kept.progress.steps} steps of an epoch", f"0 to {steps}", source=kept.source)
        groups = {"weights": {}, "best": {}, "optimizer": {}, "average": {}, **kept.tensors}
        check_same_shapes("weights", groups["weights"], self.weights)
        check_same_shapes("best weights", groups["best"], self.weights if kept.progress.epochs else {})
        copy_into(self.weights, groups["weights"])
        self.best = dict(groups["best"])
        self.optimizer.load_state(groups["optimizer"])
        self.average.load_state(groups["average"])
        self.progress = kept.progress

    def result(self, weights: Weights) -> TrainingResult:
        """Return the model of the best epoch, which has these weights, with a record of the training in it."""
        epochs, best = self.progress.epochs, self.progress.best
        assert best is not None  # the first epoch is the best until another is
        dev = None if best.dev is None else {"score": best.dev.score, "accuracy": best.dev.accuracy}
        facts = {"epochs": len(epochs), "best_epoch": best.number, "stopped": self.stopped, "dev": dev}
        training = {**self.start.training, **facts}
        return TrainingResult(dataclasses.replace(self.start, weights=weights, training=training), epochs)
