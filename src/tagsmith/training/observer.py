"""Whoever watches a training: the progress bar, the log."""

from __future__ import annotations

from typing import Any, Protocol

from tagsmith.training.checkpoint import Epoch


class Observer(Protocol):
    """Told of a training as it goes."""

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
