"""The record of a finished run: its settings, files, epochs and scores."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from tagsmith.config import Config
from tagsmith.errors import DataError
from tagsmith.reproduce.sentence_counts import Counts, count, pack, unpack

Predictions = dict[str, dict[str, list[list[str]]]]
"""By split, the tags of each sentence: ``gold``, and the predictions under each kind of constraints."""


class SplitRecord(Struct, frozen=True, kw_only=True):
    """A split that a run read."""

    name: str
    sha256: str
    """Of the whole file."""
    sentences: int
    tokens: int


class VectorsRecord(Struct, frozen=True, kw_only=True):
    """The word vectors that a run started from."""

    name: str
    sha256: str
    words: int
    dim: int


class EpochRecord(Struct, frozen=True, kw_only=True):
    """One epoch of a training."""

    number: int
    loss: float
    learning_rate: float
    seconds: float
    tokens_per_second: float
    dev_score: float
    """Span F1 in percent; accuracy for plain tags."""
    best: bool


class Record(Struct, frozen=True, kw_only=True):
    """Everything kept of a run except its predictions. Percentages run from 0 to 100."""

    key: str
    task: str
    config: Config
    parts: dict[str, SplitRecord]
    tag_column: str | None
    vectors: VectorsRecord | None
    scores: dict[str, dict[str, dict[str, Any]]]
    """The best epoch's scores, by split and by constraints: ``scheme`` (legal sequences only) and ``none`` (all
    sequences); plain tags have only ``scheme``. Each entry is what ``tagsmith evaluate --json`` prints, without the
    confusion, and under ``vocabulary`` the counts by class."""
    best_epoch: int
    stopped: str
    """The reason that training ended: ``epochs`` or ``patience``."""
    epochs: list[EpochRecord]
    resumed: bool
    """True if it was interrupted and resumed from a checkpoint."""
    training_seconds: float
    """The total of all epochs."""
    wall_seconds: float
    """Of the process that finished the run: reading, training, scoring."""
    tokens_per_second: float
    """Training speed: the median over epochs."""
    peak_bytes: int | None
    """Peak memory of the process that finished the run, on systems that report it."""
    date: str
    commit: str
    versions: dict[str, str]
    device: str = "cpu"
    processor: str
    """The name of the processor or GPU that it was trained on."""
    side_by_side: list[int] = []
    """The seeds trained together, which took the seconds above in total; empty if it was trained alone."""
    counts: dict[str, dict[str, str]] = {}
    """Packed counts per sentence, by split (except train) and constraints; see ``reproduce.sentence_counts``."""

    def score(self, split: str, constraints: str = "scheme") -> float:
        """Return the span F1 of a split; for plain tags, which have no constraints, its accuracy."""
        figures = self.scores[split].get(constraints) or self.scores[split]["scheme"]
        return figures["f1" if figures["task"] == "spans" else "accuracy"]

    def sentence_counts(self, split: str, constraints: str = "scheme") -> Counts | None:
        """Return the counts of each sentence of a split; None if there were no predictions to count.

        Raises:
            DataError: the record is damaged.
        """
        try:
            return unpack(self.counts[split][constraints]) if self.counts else None
        except ValueError as error:
            raise DataError(str(error), "a whole record", source=self.key) from None


def with_counts(record: Record, predictions: Predictions) -> Record:
    """Return the record with the counts of its predictions.

    Raises:
        DataError: the predictions belong to another record, since they have other scores.
    """
    spans = not record.config.is_plain
    packed: dict[str, dict[str, str]] = {}
    for split, tags in predictions.items():
        packed[split] = {}
        for constraints in record.scores[split]:
            counts = count(zip(tags["gold"], tags[constraints], strict=True), spans=spans)
            figures = record.scores[split][constraints]
            names = ("gold", "predicted", "correct") if spans else ("tokens", "tokens", "correct_tokens")
            expected = [figures[name] for name in names]
            if counts.sum(axis=1).tolist() != expected:
                found = f"predictions of {split} with {counts.sum(axis=1).tolist()} gold, predicted and correct"
                raise DataError(found, f"{expected}, as the record says", source=record.key)
            packed[split][constraints] = pack(counts)
    return msgspec.structs.replace(record, counts=packed)
