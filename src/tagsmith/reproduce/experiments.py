"""Experiments: a configuration, files and a seed, identified by a hash of their content."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import msgspec
from msgspec import Struct

from tagsmith import formats
from tagsmith.config import Config
from tagsmith.corpora.reading import split_off_dev
from tagsmith.formats.columns import Columns
from tagsmith.reproduce.tables import DEV
from tagsmith.text import Sentence


class InputFile(Struct, frozen=True):
    """A file to read, its name in records, and the SHA-256 of its content, unpacked if it is gzip."""

    path: str
    name: str
    sha256: str


class Experiment(Struct, frozen=True, kw_only=True):
    """One training and its scores. Two with the same key are the same experiment, whichever tables ask for them."""

    task: str
    config: Config
    files: dict[str, InputFile]
    """By split. Without dev, the last tenth of train is dev."""
    tag_column: str | None = None
    vectors: InputFile | None = None

    @property
    def key(self) -> str:
        """16 hex digits: a hash of the settings that differ from their defaults, the files and the vectors."""
        content = {
            "settings": _changed(self.config),
            "tag_column": self.tag_column,
            "files": {split: file.sha256 for split, file in self.files.items()},
            "vectors": self.vectors and self.vectors.sha256,
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]

    def read(self) -> dict[str, list[Sentence]]:
        """Read the sentences of each split, dev included.

        Raises:
            DataError: a file can't be read, or has no sentences.
        """
        columns = Columns(tag=self.tag_column)
        splits = {
            split: formats.not_empty(file.path, list(formats.read(file.path, columns=columns)))
            for split, file in self.files.items()
        }
        return splits if DEV in splits else split_off_dev(splits)


class SeedRun(Struct, frozen=True):
    """An experiment and the table row that asks for it."""

    row: str
    experiment: Experiment
    cut: str = ""
    """The way in which the run is shorter than the row's own: "cut to 5 of 50 epochs"."""

    @property
    def name(self) -> str:
        """The name shown on the terminal."""
        name = f"{self.experiment.task}: {self.row}, seed {self.experiment.config.training.seed}"
        return f"{name}, {self.cut}" if self.cut else name


def _changed(section: Struct) -> dict[str, Any]:
    """Return the settings that differ from their defaults, so that a setting added later changes no key."""
    kind = section.__struct_config__.tag
    changed: dict[str, Any] = {"kind": kind} if kind else {}
    for field in msgspec.structs.fields(section):
        value = getattr(section, field.name)
        if isinstance(value, Struct):
            if inner := _changed(value):
                changed[field.name] = inner
        elif value != field.default:
            changed[field.name] = value
    return changed
