"""Experiments: a configuration, files and a seed, told from all others by a hash of their content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from tagsmith import formats
from tagsmith.config import Config, configure
from tagsmith.corpora import locate, read_registry
from tagsmith.corpora.checking import sha256_of
from tagsmith.corpora.reading import split_off_dev
from tagsmith.embeddings import files_of
from tagsmith.errors import ConfigError
from tagsmith.formats.columns import Columns
from tagsmith.reproduce.tables import DEV, PaperRow, Task
from tagsmith.text import Sentence


class InputFile(Struct, frozen=True):
    """A file to read, what it is called in records, and the SHA-256 of its content, unpacked if it is gzip."""

    path: str
    name: str
    sha256: str


class Experiment(Struct, frozen=True, kw_only=True):
    """One training and its scores. Two with the same key are the same experiment, whatever table asks for them."""

    task: str
    config: Config
    files: dict[str, InputFile]
    """By part. Without dev, the last tenth of train is dev."""
    tag_column: str | None = None
    vectors: InputFile | None = None

    @property
    def key(self) -> str:
        """16 hex digits: a hash of the settings other than their defaults, of the files and of the vectors."""
        content = {
            "settings": _changed(self.config),
            "tag_column": self.tag_column,
            "files": {part: file.sha256 for part, file in self.files.items()},
            "vectors": self.vectors and self.vectors.sha256,
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]

    def read(self) -> dict[str, list[Sentence]]:
        """The sentences of each part, dev among them.

        Raises:
            DataError: a file that can't be read, or has no sentences.
        """
        columns = Columns(tag=self.tag_column)
        parts = {
            part: formats.not_empty(file.path, list(formats.read(file.path, columns=columns)))
            for part, file in self.files.items()
        }
        return parts if DEV in parts else split_off_dev(parts)


class SeedRun(Struct, frozen=True):
    """An experiment and the row of a table that asks for it."""

    row: str
    experiment: Experiment
    cut: str = ""
    """How it falls short of the table's own run: "cut to 5 of 50 epochs"."""

    @property
    def name(self) -> str:
        """What it is called on the terminal."""
        name = f"{self.experiment.task}: {self.row}, seed {self.experiment.config.training.seed}"
        return f"{name}, {self.cut}" if self.cut else name


def plan(
    rows: Sequence[PaperRow],
    task_name: str,
    task: Task,
    data: Path,
    vectors: Sequence[str],
    seeds: Iterable[int],
    epochs: int | None = None,
) -> list[SeedRun]:
    """The runs of some rows: each with every file of vectors that is given, if it takes vectors, and every seed.

    Args:
        epochs: cut every run to so many.

    Raises:
        DataError: a corpus of the task, or a file of vectors, that is not there.
        ConfigError: a setting that the task's preset can't have, schemes for tags that spell no spans, or more epochs
            than a row has.
    """
    if configure(task.preset).scheme == "plain" and any("scheme" in row.settings for row in rows):
        raise ConfigError(
            f"found task {task_name}, whose tags spell no spans; expected one of spans, to write in schemes"
        )
    files = task_files(task, data)
    given = [_vector_file(Path(path)) for path in vectors] if task.vectors else []
    runs = []
    for row in rows:
        for table in (given if row.vectors else []) or [None]:
            name = f"{row.name}, {table.name}" if table and len(given) > 1 else row.name
            for seed in seeds:
                config, cut = _cut(configure(task.preset, {**row.settings, "training.seed": seed}), epochs)
                experiment = Experiment(
                    task=task_name, config=config, files=files, tag_column=task.tag_column, vectors=table
                )
                runs.append(SeedRun(name, experiment, cut))
    return runs


def _cut(config: Config, epochs: int | None) -> tuple[Config, str]:
    """The config with fewer epochs, and the words for it."""
    whole = config.training.epochs
    if epochs is None or epochs == whole:
        return config, ""
    if epochs > whole:
        raise ConfigError(
            f"found {epochs} epochs; expected at most {whole}, as the table has them: they can only be cut"
        )
    return configure(config, {"training.epochs": epochs}), f"cut to {epochs} of {whole} epochs"


def task_files(task: Task, data: Path) -> dict[str, InputFile]:
    """The task's files by part, in the folder of each corpus.

    Raises:
        DataError: one is not there.
    """
    paths = {part: (task.corpus, path) for part, path in _locate(task.corpus, data).items()}
    paths |= {part: (corpus, _locate(corpus, data)[split]) for part, (corpus, split) in task.also.items()}
    return {
        part: InputFile(str(path), f"{corpus}/{path.name}", _sha256(path)) for part, (corpus, path) in paths.items()
    }


def _locate(corpus: str, data: Path) -> dict[str, Path]:
    # Its own folder, or the test file of one corpus could pass for that of another.
    return locate(corpus, data / (read_registry()[corpus].folder or corpus))


def _vector_file(path: Path) -> InputFile:
    return InputFile(str(path), path.name, _sha256(*files_of(path)))


_sha256 = cache(sha256_of)


def _changed(section: Struct) -> dict[str, Any]:
    """The settings that have not their defaults, so that a setting added later changes no key."""
    kind = section.__struct_config__.tag
    found: dict[str, Any] = {"kind": kind} if kind else {}
    for field in msgspec.structs.fields(section):
        value = getattr(section, field.name)
        if isinstance(value, Struct):
            if below := _changed(value):
                found[field.name] = below
        elif value != field.default:
            found[field.name] = value
    return found
