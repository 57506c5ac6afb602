"""The history of a training: its finished epochs, and the steps of the epoch that is running."""

from __future__ import annotations

from dataclasses import dataclass, field

from tagsmith.config import TrainingConfig
from tagsmith.metrics import Scores


@dataclass(frozen=True)
class Epoch:
    """One finished epoch. ``dev`` is None without a dev file."""

    number: int
    loss: float
    """Mean over the sentences."""
    learning_rate: float
    seconds: float
    tokens_per_second: float
    dev: Scores | None
    best: bool
    """True if its dev score beats those of all epochs before it; always true without a dev file."""


@dataclass
class Progress:
    """The finished epochs of a training, and the sums over the steps of the current one."""

    epochs: list[Epoch] = field(default_factory=list)
    steps: int = 0
    loss: float = 0.0
    """Sum of the losses of all sentences that the current epoch has read."""
    tokens: int = 0
    seconds: float = 0.0

    @property
    def number(self) -> int:
        """The number of the current epoch, counted from 1."""
        return len(self.epochs) + 1

    @property
    def best(self) -> Epoch | None:
        """The best epoch so far."""
        return next((epoch for epoch in reversed(self.epochs) if epoch.best), None)

    def restart_epoch(self) -> None:
        """Set the steps of the current epoch back to 0."""
        self.steps, self.loss, self.tokens, self.seconds = 0, 0.0, 0, 0.0

    def finish_epoch(self, sentences: int, learning_rate: float, dev: Scores | None) -> Epoch:
        """Append the current epoch, which read this many sentences, and start the next one.

        While the dev score is 0, a later epoch counts as better. So patience starts with the first span found.
        """
        best = self.best
        so_far = best.dev.score if best and best.dev else 0.0
        is_best = dev is None or best is None or dev.score > so_far or not so_far
        epoch = Epoch(
            number=self.number,
            loss=self.loss / sentences,
            learning_rate=learning_rate,
            seconds=self.seconds,
            tokens_per_second=self.tokens / self.seconds,
            dev=dev,
            best=is_best,
        )
        self.epochs.append(epoch)
        self.restart_epoch()
        return epoch


def stop_reason(progress: Progress, settings: TrainingConfig) -> str | None:
    """Return what ends a training here, ``patience`` or ``epochs``; None if it continues."""
    done, best = len(progress.epochs), progress.best
    if best and done - best.number >= settings.patience:
        return "patience"
    return "epochs" if done >= settings.epochs else None
