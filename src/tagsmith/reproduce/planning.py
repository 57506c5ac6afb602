"""Plan the runs of a table's rows: each row with each file of vectors and each seed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

from tagsmith.config import Config, configure
from tagsmith.corpora import locate, read_registry
from tagsmith.corpora.checking import sha256_of
from tagsmith.embeddings.reading import files_of
from tagsmith.errors import ConfigError
from tagsmith.reproduce.experiments import Experiment, InputFile, SeedRun
from tagsmith.reproduce.tables import PaperRow, Task


def plan(
    rows: Sequence[PaperRow],
    task_name: str,
    task: Task,
    data: Path,
    vectors: Sequence[str],
    seeds: Iterable[int],
    epochs: int | None = None,
) -> list[SeedRun]:
    """Return the runs of some rows. A row that takes vectors is run with each file of vectors.

    Args:
        epochs: cut every run to this number.

    Raises:
        DataError: a corpus of the task or a file of vectors is missing.
        ConfigError: a setting that the task's preset can't have, a scheme for plain tags, or more epochs than a row
            has.
    """
    if configure(task.preset).is_plain and any("scheme" in row.settings for row in rows):
        raise ConfigError(f"found task {task_name}, whose tags are plain; expected a task of spans, to compare schemes")
    files = task_files(task, data)
    vector_files = [_vector_file(Path(path)) for path in vectors] if task.vectors else []
    runs = []
    for row in rows:
        for file in (vector_files if row.vectors else []) or [None]:
            name = f"{row.name}, {file.name}" if file and len(vector_files) > 1 else row.name
            for seed in seeds:
                config, cut = _cut(configure(task.preset, {**row.settings, "training.seed": seed}), epochs)
                experiment = Experiment(
                    task=task_name, config=config, files=files, tag_column=task.tag_column, vectors=file
                )
                runs.append(SeedRun(name, experiment, cut))
    return runs


def task_files(task: Task, data: Path) -> dict[str, InputFile]:
    """Return the task's files by split, each in the folder of its corpus.

    Raises:
        DataError: a file is missing.
    """
    paths = {split: (task.corpus, path) for split, path in _locate(task.corpus, data).items()}
    paths |= {name: (corpus, _locate(corpus, data)[split]) for name, (corpus, split) in task.also.items()}
    return {
        split: InputFile(str(path), f"{corpus}/{path.name}", _sha256(path)) for split, (corpus, path) in paths.items()
    }


def _cut(config: Config, epochs: int | None) -> tuple[Config, str]:
    """Return the config with fewer epochs, and the words that say so."""
    whole = config.training.epochs
    if epochs is None or epochs == whole:
        return config, ""
    if epochs > whole:
        raise ConfigError(f"found {epochs} epochs; expected at most {whole}, the number that the table has")
    return configure(config, {"training.epochs": epochs}), f"cut to {epochs} of {whole} epochs"


def _locate(corpus: str, data: Path) -> dict[str, Path]:
    # In its own folder, or the test file of one corpus could pass for that of another.
    return locate(corpus, data / (read_registry()[corpus].folder or corpus))


def _vector_file(path: Path) -> InputFile:
    return InputFile(str(path), path.name, _sha256(*files_of(path)))


_sha256 = cache(sha256_of)
