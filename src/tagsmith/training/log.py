"""The log of a training, beside its model: one JSON object a line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from tagsmith.training.history import Epoch


def log_beside(model: Path) -> Path:
    """Return the log file of a model file: ``ner.log.jsonl`` for ``ner.safetensors``."""
    return model.with_name(f"{model.name.removesuffix('.safetensors')}.log.jsonl")


class TrainingLog:
    """A log of JSON lines: one ``start``, then one ``epoch`` for each epoch as soon as it is finished.

    It is written to a file that ends in ``.part`` until its model is written. So a log is never beside another's model.
    """

    def __init__(self, path: Path) -> None:
        self.final = path
        self.path = path.with_name(f"{path.name}.part")

    def keep(self) -> None:
        """Give the log its name, and overwrite an older one."""
        self.path.replace(self.final)

    def drop(self) -> None:
        """Remove the log of a training that left no model."""
        self.path.unlink(missing_ok=True)

    def started(self, facts: dict[str, Any]) -> None:
        """Start the log with all settings, the counts of the data and the versions."""
        self.path.write_bytes(_line({"event": "start", **facts}))

    def stepped(self, epoch: int, loss: float, tokens: int) -> None:
        """Do nothing: steps are not logged."""

    def finished_epoch(self, epoch: Epoch) -> None:
        """Add the line of an epoch."""
        dev = None if epoch.dev is None else {k: v for k, v in epoch.dev.as_dict().items() if k != "confusion"}
        line = _line(
            {
                "event": "epoch",
                "epoch": epoch.number,
                "loss": epoch.loss,
                "learning_rate": epoch.learning_rate,
                "seconds": round(epoch.seconds, 3),
                "tokens_per_second": round(epoch.tokens_per_second, 1),
                "best": epoch.best,
                "dev": dev,
            }
        )
        with self.path.open("ab") as file:
            file.write(line)

    def finished(self) -> None:
        """Do nothing: all lines are written."""


def _line(value: dict[str, Any]) -> bytes:
    return msgspec.json.encode(value) + b"\n"
