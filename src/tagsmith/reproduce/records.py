"""Records of finished runs: one JSON file each, named by its experiment's key, and the predictions beside it."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from tagsmith.config import Config
from tagsmith.errors import DataError
from tagsmith.files import read_chunks, replacing
from tagsmith.reproduce.counts import Counts, count, pack, unpack
from tagsmith.reproduce.experiments import Experiment
from tagsmith.schemes import SCHEMES

Predictions = dict[str, dict[str, list[list[str]]]]
"""By part, the tags of each sentence: ``gold``, and those predicted under each kind of constraints."""

_WHOLE = "a whole one; move it away, and its run can be done anew"


class SplitRecord(Struct, frozen=True, kw_only=True):
    """Sentences that a run read."""

    name: str
    sha256: str
    """Of the whole file."""
    sentences: int
    tokens: int


class VectorsRecord(Struct, frozen=True, kw_only=True):
    """Word vectors that a run started from."""

    name: str
    sha256: str
    words: int
    dim: int


class EpochRecord(Struct, frozen=True, kw_only=True):
    """One epoch."""

    number: int
    loss: float
    learning_rate: float
    seconds: float
    tokens_per_second: float
    dev_score: float
    """Span F1, or accuracy where tags are plain; percent."""
    best: bool


class Record(Struct, frozen=True, kw_only=True):
    """All that is kept of a run but its predictions. Percentages run from 0 to 100."""

    key: str
    task: str
    config: Config
    parts: dict[str, SplitRecord]
    tag_column: str | None
    vectors: VectorsRecord | None
    scores: dict[str, dict[str, dict[str, Any]]]
    """By part and by constraints (``scheme``: legal tags only; ``none``: any; one alone for plain tags), of the best
    epoch: what ``tagsmith evaluate --json`` gives but for the confusion, and under ``vocabulary`` the same by class."""
    best_epoch: int
    stopped: str
    """What ended the training: ``epochs`` or ``patience``."""
    epochs: list[EpochRecord]
    resumed: bool
    """Whether it was cut off and gone on with."""
    training_seconds: float
    """Of all epochs."""
    wall_seconds: float
    """Of the process that finished it: reading, training, scoring."""
    tokens_per_second: float
    """Of training: the median over epochs."""
    peak_bytes: int | None
    """Memory of the process that finished it, where the system tells."""
    date: str
    commit: str
    versions: dict[str, str]
    device: str = "cpu"
    processor: str
    """What it was trained on: the processor's name, or the GPU's."""
    side_by_side: list[int] = []
    """The seeds trained at once, all of which took the seconds above; none if it was alone."""
    counts: dict[str, dict[str, str]] = {}
    """What is right in each sentence, by part (not train) and constraints, packed (``reproduce.counts``)."""

    def score(self, part: str, constraints: str = "scheme") -> float:
        """Span F1 of a part; where tags are plain, and nothing constrains them, its accuracy."""
        figures = self.scores[part].get(constraints) or self.scores[part]["scheme"]
        return figures["f1" if figures["task"] == "spans" else "accuracy"]

    def sentence_counts(self, part: str, constraints: str = "scheme") -> Counts | None:
        """What is right in each sentence of a part; None where no predictions were there to count.

        Raises:
            DataError: the record is damaged.
        """
        try:
            return unpack(self.counts[part][constraints]) if self.counts else None
        except ValueError as error:
            raise DataError(str(error), "a whole record", source=self.key) from None


def counted(record: Record, predictions: Predictions) -> Record:
    """The record with the counts of its predictions.

    Raises:
        DataError: they are not the record's: they score otherwise.
    """
    spans = record.config.scheme in SCHEMES
    packed: dict[str, dict[str, str]] = {}
    for part, tags in predictions.items():
        packed[part] = {}
        for constraints in record.scores[part]:
            counts = count(zip(tags["gold"], tags[constraints], strict=True), spans=spans)
            figures = record.scores[part][constraints]
            names = ("gold", "predicted", "correct") if spans else ("tokens", "tokens", "correct_tokens")
            expected = [figures[name] for name in names]
            if counts.sum(axis=1).tolist() != expected:
                found = f"predictions of {part} with {counts.sum(axis=1).tolist()} gold, predicted and correct"
                raise DataError(found, f"{expected}, as the record says", source=record.key)
            packed[part][constraints] = pack(counts)
    return msgspec.structs.replace(record, counts=packed)


class Results:
    """A folder of records, ``KEY.json``; of ``predictions/KEY.json.gz``; and of unfinished runs, ``work/KEY/``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def record_path(self, key: str) -> Path:
        """Where the record goes."""
        return self.folder / f"{key}.json"

    def predictions_path(self, key: str) -> Path:
        """Where the predictions go."""
        return self.folder / "predictions" / f"{key}.json.gz"

    def work(self, key: str) -> Path:
        """The folder of an unfinished run: its checkpoint and what it says."""
        return self.folder / "work" / key

    def run_log(self, key: str) -> Path:
        """Where an unfinished run says how it goes."""
        return self.work(key) / "run.log"

    def find(self, experiment: Experiment) -> Record | None:
        """The record of an experiment, if it is done.

        Raises:
            DataError: a damaged record, or one made when a setting had another default.
        """
        path = self.record_path(experiment.key)
        if not path.exists():
            return None
        record = self._read(path)
        if record.config != experiment.config:
            found = "the record of a run whose settings, unset then as now, had other defaults"
            raise DataError(found, "today's; move it away to run anew", source=str(path))
        return record

    def read_all(self) -> list[Record]:
        """Every record, in the order of their keys. One without counts is given them for good, if its predictions are
        there.

        Raises:
            DataError: no folder or no record; a damaged record; predictions that are not the record's.
        """
        records = []
        for path in sorted(self.folder.glob("*.json")):
            record = self._read(path)
            if path != self.record_path(record.key):
                raise DataError(f"the record of {record.key}", "a file named by its key", source=str(path))
            if not record.counts and self.predictions_path(record.key).exists():
                record = counted(record, self.predictions(record.key))
                self._write(record)
            records.append(record)
        if not records:
            raise DataError("no records", "those that tagsmith reproduce leaves", source=str(self.folder))
        return records

    def _read(self, path: Path) -> Record:
        try:
            record = msgspec.json.decode(path.read_bytes(), type=Record)
        except msgspec.DecodeError as error:
            raise DataError(
                f"a damaged record, or one of a newer version ({error})", _WHOLE, source=str(path)
            ) from None
        if lacking := record.parts.keys() - record.scores.keys():
            raise DataError(f"a record without the scores of {', '.join(sorted(lacking))}", _WHOLE, source=str(path))
        return record

    def _write(self, record: Record) -> None:
        with replacing(self.record_path(record.key)) as temporary:
            temporary.write_bytes(msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n")

    def save(self, record: Record, predictions: Predictions) -> None:
        """Write the predictions, then the record, and clear the work away: a record is there when all is done."""
        self.predictions_path(record.key).parent.mkdir(parents=True, exist_ok=True)
        with replacing(self.predictions_path(record.key)) as temporary:
            temporary.write_bytes(gzip.compress(msgspec.json.encode(predictions), mtime=0))
        self._write(record)
        shutil.rmtree(self.work(record.key), ignore_errors=True)

    def predictions(self, key: str) -> Predictions:
        """The predictions of a run.

        Raises:
            DataError: they are not there, or damaged.
        """
        path = self.predictions_path(key)
        try:
            return msgspec.json.decode(b"".join(read_chunks(path)), type=Predictions)
        except msgspec.DecodeError as error:
            raise DataError(f"damaged predictions ({error})", "whole ones", source=str(path)) from None
