"""A folder of records, of predictions, and of the work of unfinished runs."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import msgspec

from tagsmith.errors import DataError
from tagsmith.files import read_chunks, replacing
from tagsmith.reproduce.experiments import Experiment
from tagsmith.reproduce.records import Predictions, Record, with_counts

_WHOLE = "a complete one; move it away to run it again"


class Results:
    """A folder of records ``KEY.json``, of ``predictions/KEY.json.gz``, and of unfinished runs in ``work/KEY/``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def record_path(self, key: str) -> Path:
        """Return the path of a record."""
        return self.folder / f"{key}.json"

    def predictions_path(self, key: str) -> Path:
        """Return the path of the predictions."""
        return self.folder / "predictions" / f"{key}.json.gz"

    def work(self, key: str) -> Path:
        """Return the folder of an unfinished run."""
        return self.folder / "work" / key

    def model_path(self, key: str) -> Path:
        """Return the path of an unfinished run's model."""
        return self.work(key) / "model.safetensors"

    def run_log(self, key: str) -> Path:
        """Return the file that collects the output of an unfinished run."""
        return self.work(key) / "run.log"

    def find(self, experiment: Experiment) -> Record | None:
        """Return the record of an experiment, or None if there is none.

        Raises:
            DataError: the record is damaged, or was made when a setting had another default.
        """
        path = self.record_path(experiment.key)
        if not path.exists():
            return None
        record = self._read(path)
        if record.config != experiment.config:
            found = "the record of a run whose settings had other defaults"
            raise DataError(found, "today's defaults; move it away to run it again", source=str(path))
        return record

    def read_all(self) -> list[Record]:
        """Return every record, in the order of their keys.

        A record without counts gets them, in its file too, if its predictions are there.

        Raises:
            DataError: there is no folder or no record, a record is damaged, or predictions belong to another record.
        """
        records = []
        for path in sorted(self.folder.glob("*.json")):
            record = self._read(path)
            if path != self.record_path(record.key):
                raise DataError(f"the record of {record.key}", "a file named by its key", source=str(path))
            if not record.counts and self.predictions_path(record.key).exists():
                record = with_counts(record, self.predictions(record.key))
                self._write(record)
            records.append(record)
        if not records:
            raise DataError("no records", "those that tagsmith reproduce writes", source=str(self.folder))
        return records

    def save(self, record: Record, predictions: Predictions) -> None:
        """Write the predictions, then the record, then delete the work. A record therefore means that all is done."""
        self.predictions_path(record.key).parent.mkdir(parents=True, exist_ok=True)
        with replacing(self.predictions_path(record.key)) as temporary:
            temporary.write_bytes(gzip.compress(msgspec.json.encode(predictions), mtime=0))
        self._write(record)
        shutil.rmtree(self.work(record.key), ignore_errors=True)

    def predictions(self, key: str) -> Predictions:
        """Return the predictions of a run.

        Raises:
            DataError: they are missing or damaged.
        """
        path = self.predictions_path(key)
        try:
            return msgspec.json.decode(b"".join(read_chunks(path)), type=Predictions)
        except msgspec.DecodeError as error:
            raise DataError(f"damaged predictions ({error})", "complete ones", source=str(path)) from None

    def _read(self, path: Path) -> Record:
        try:
            record = msgspec.json.decode(path.read_bytes(), type=Record)
        except msgspec.DecodeError as error:
            found = f"a damaged record, or one of a newer version ({error})"
            raise DataError(found, _WHOLE, source=str(path)) from None
        if missing := record.parts.keys() - record.scores.keys():
            raise DataError(f"a record without the scores of {', '.join(sorted(missing))}", _WHOLE, source=str(path))
        return record

    def _write(self, record: Record) -> None:
        with replacing(self.record_path(record.key)) as temporary:
            temporary.write_bytes(msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n")
