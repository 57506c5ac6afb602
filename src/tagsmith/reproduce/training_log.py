"""The JSON log that a training writes beside its model, read while it grows and when it is complete."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec
from msgspec import Struct

from tagsmith.reproduce.records import EpochRecord

_TAIL = 2**20  # bytes: more than the line of one epoch, even with a thousand labels


@dataclass(frozen=True)
class TrainingHistory:
    """A finished training as its log tells it."""

    resumed: bool
    """True if it was resumed from a checkpoint."""
    epochs: list[EpochRecord]


def read_history(log: Path) -> TrainingHistory:
    """Return the history in a complete log."""
    resumed, epochs = False, []
    for line in log.read_bytes().splitlines():
        event = _decode(line)
        if isinstance(event, _Start):
            resumed = event.resumed is not None and event.resumed.checkpoint
        else:
            epochs.append(event.record())
    return TrainingHistory(resumed, epochs)


def last_epoch(model: Path) -> EpochRecord | None:
    """Return the last epoch that is logged for a model still in training; None before the first."""
    log = model.with_suffix(".log.jsonl")
    for path in (log.with_name(f"{log.name}.part"), log):  # it has its final name once the model is written
        with suppress(FileNotFoundError), path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _TAIL))
            *lines, _ = file.read().split(b"\n")  # what follows the last line end is not complete yet
            event = _decode(lines[-1]) if lines else None
            return event.record() if isinstance(event, _Epoch) else None
    return None


class _Resumed(Struct):
    checkpoint: bool


class _Start(Struct, tag_field="event", tag="start"):
    resumed: _Resumed | None


class _DevScores(Struct):
    task: str
    accuracy: float
    f1: float = 0.0


class _Epoch(Struct, tag_field="event", tag="epoch"):
    epoch: int
    loss: float
    learning_rate: float
    seconds: float
    tokens_per_second: float
    best: bool
    dev: _DevScores

    def record(self) -> EpochRecord:
        return EpochRecord(
            number=self.epoch,
            loss=self.loss,
            learning_rate=self.learning_rate,
            seconds=self.seconds,
            tokens_per_second=self.tokens_per_second,
            dev_score=self.dev.f1 if self.dev.task == "spans" else self.dev.accuracy,
            best=self.best,
        )


def _decode(line: bytes) -> _Start | _Epoch:
    return msgspec.json.decode(line, type=_Start | _Epoch)
