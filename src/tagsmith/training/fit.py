"""Training to a file: reading the data, the lock, the log, the model file and its curves."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tagsmith import store
from tagsmith.config import Config, configure, with_temperature
from tagsmith.embeddings import load_vectors
from tagsmith.engine import int8_obstacle
from tagsmith.errors import ConfigError
from tagsmith.files import check_distinct, check_writable
from tagsmith.formats import Data, not_empty, sentences_of
from tagsmith.formats.columns import Columns, OnBad
from tagsmith.quality.int8_check import check_int8
from tagsmith.store import Model
from tagsmith.text import Sentence, TokenizerName
from tagsmith.training import loop
from tagsmith.training.checkpoint import checkpoint_beside
from tagsmith.training.curves import curves_beside, draw_curves
from tagsmith.training.lock import lock_beside, sole_training
from tagsmith.training.log import TrainingLog, log_beside
from tagsmith.training.progress_bar import ProgressBar
from tagsmith.training.resuming import CheckpointOptions
from tagsmith.training.run import Observer, TrainingResult

PathLike = str | os.PathLike[str]


@dataclass(frozen=True, kw_only=True)
class TrainingInputs:
    """The sentences and files that a training reads, except its settings."""

    train: Data
    dev: Data | None = None
    vectors: PathLike | None = None
    init: PathLike | None = None
    """A model file to start from."""
    columns: Columns | None = None
    on_bad: OnBad | None = None

    def read(self, data: Data, tokenizer: TokenizerName) -> list[Sentence]:
        """Return the sentences of ``train`` or ``dev``.

        Raises:
            DataError: a file that can't be read, or no sentences.
        """
        return not_empty(data, sentences_of(data, self.columns, self.on_bad, tokenizer))


@dataclass(frozen=True, kw_only=True)
class ConfigSources:
    """The sources of the settings. ``settings`` override ``file``, which overrides ``preset``."""

    preset: str | Config | None = None
    file: PathLike | None = None
    settings: Mapping[str, Any]

    def configure(self, old: Model | None) -> Config:
        """Return the settings. Without a preset they start from those of the old model, if there is one.

        Raises:
            ConfigError: an unknown setting, or a value that a setting can't have.
        """
        start = with_temperature(old.config, 1.0) if old else "ner"  # new weights need another temperature
        return configure(self.preset or start, self.settings, self.file)


@dataclass(frozen=True)
class TrainingOutput:
    """The model file that a training writes, and the files beside it."""

    model: Path
    checkpoints: CheckpointOptions

    @property
    def log(self) -> Path:
        """The log."""
        return log_beside(self.model)

    @property
    def curves(self) -> Path:
        """The picture of the curves."""
        return curves_beside(self.model)

    def check(self, inputs: TrainingInputs, config: PathLike | None) -> None:
        """Check that all files can be written, and that none of them is also read.

        Raises:
            DataError: one of them can't be written, or is read.
        """
        for path in (self.model, self.log, self.curves, self.checkpoints.path, lock_beside(self.model)):
            check_writable(path)
            check_distinct(path, inputs.train, inputs.dev, inputs.vectors, config, inputs.init)


def output_to(out: PathLike | None, minutes: float, resume: bool, resume_anyway: bool) -> TrainingOutput | None:
    """Return the output of a training to this model file; None if it writes none.

    Raises:
        ConfigError: a training that is to resume without a model file, or negative minutes between checkpoints.
    """
    resume = resume or resume_anyway
    if out is None:
        if resume:
            raise ConfigError("resume without out: the checkpoint is looked for beside the model")
        return None
    model = Path(out)
    return TrainingOutput(model, CheckpointOptions(checkpoint_beside(model), minutes, resume, resume_anyway))


def with_shorthands(settings: Mapping[str, Any] | None, epochs: int | None, seed: int | None) -> dict[str, Any]:
    """Return the settings with ``training.epochs`` and ``training.seed`` from their short forms.

    Raises:
        ConfigError: one of them is given both ways, with different values.
    """
    merged = dict(settings or {})
    for name, value in {"training.epochs": epochs, "training.seed": seed}.items():
        if value is not None:
            twice = merged.get(name, value)
            if twice != value and str(twice) != str(value):
                raise ConfigError(f"{name} is given twice: {twice} by its name, {value} by its short form")
            merged[name] = value
    return merged


def fit(
    inputs: TrainingInputs, sources: ConfigSources, output: TrainingOutput | None, device: str, progress: bool
) -> TrainingResult:
    """Train on files, and write the model with its log and its curves.

    Raises:
        DataError: a file that can't be read, learned from or written.
        ConfigError: an unknown setting, a value that a setting can't have, or a device that does not exist.
    """
    observers: list[Observer] = [ProgressBar()] if progress else []
    if output is None:
        return _train(inputs, sources, observers, device)
    output.check(inputs, sources.file)
    with sole_training(output.model):
        output.checkpoints.check(output.model)
        log = TrainingLog(output.log)
        try:
            result = _train(inputs, sources, [*observers, log], device, output.checkpoints)
            store.save(result.model, output.model)
        except BaseException:
            log.drop()
            raise
        log.keep()
        draw_curves(result.epochs, output.curves)
        if result.model.training["stopped"] != "interrupt":
            output.checkpoints.path.unlink(missing_ok=True)
    return result


def _train(
    inputs: TrainingInputs,
    sources: ConfigSources,
    observers: Sequence[Observer],
    device: str,
    checkpoints: CheckpointOptions | None = None,
) -> TrainingResult:
    """Read, train, and check the model in int8 where that can run."""
    old = None if inputs.init is None else store.load(inputs.init)
    config = sources.configure(old)
    train = inputs.read(inputs.train, config.tokenizer)
    dev = None if inputs.dev is None else inputs.read(inputs.dev, config.tokenizer)
    vectors = None if inputs.vectors is None else load_vectors(inputs.vectors)
    result = loop.train(train, dev, config, vectors, observers, device, checkpoints, old)
    if dev is not None and not int8_obstacle(result.model, device):
        result = dataclasses.replace(result, model=check_int8(result.model, dev))
    return result
