"""The setting of a benchmark: its corpus, model, rivals and folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

from tagsmith.bench.inputs import count_tokens, digest, read_spans_file, write_columns
from tagsmith.bench.measurements import Measurement
from tagsmith.bench.rivals import Rivals
from tagsmith.bench.workers import say
from tagsmith.errors import ConfigError
from tagsmith.tagger import Tagger
from tagsmith.text import Sentence

EPOCHS = 20
"""For the model that is trained if none is given."""


@dataclass
class BenchSetting:
    """Everything that the measurements share."""

    folder: Path
    rivals: Rivals
    train: str
    dev: str
    test: str
    model: str
    vectors: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    """For training."""
    repeats: int = 5

    @cached_property
    def sentences(self) -> Sequence[Sentence]:
        """The test sentences."""
        return read_spans_file(self.test)

    @cached_property
    def tagger(self) -> Tagger:
        """The model's tagger, for checks."""
        return Tagger.load(self.model)

    @cached_property
    def plain_f1(self) -> float:
        """Span F1 of the model on the test sentences, with the plain engine."""
        return Tagger.load(self.model, compiled=False).evaluate(self.sentences).f1

    @property
    def tokens(self) -> int:
        """The number of tokens in the test sentences."""
        return count_tokens(self.sentences)

    def path(self, name: str) -> Path:
        """Return the path of a file in the benchmark's folder."""
        return self.folder / name


@dataclass
class Findings:
    """The results: the measurements, the runs of all taggers, and the curves."""

    measurements: list[Measurement] = field(default_factory=list)
    entrants: list[dict[str, Any]] = field(default_factory=list)
    curves: dict[str, list[dict[str, float]]] = field(default_factory=dict)

    def add(self, *measurements: Measurement) -> None:
        """Add measurements."""
        self.measurements += measurements


def set_up(
    folder: Path,
    rivals: Path,
    *,
    train: str | None = None,
    dev: str | None = None,
    test: str | None = None,
    model: str | None = None,
    vectors: str | None = None,
    settings: Mapping[str, Any] | None = None,
    repeats: int = 5,
) -> BenchSetting:
    """Return the setting for a corpus, by default the one in the package. Without a model, train one first.

    Raises:
        ConfigError: only some files of a corpus are given, or the model has plain tags.
        DataError: a file can't be read.
        MissingExtra: a model has to be trained, and PyTorch is not installed.
    """
    given = [train, dev, test]
    if any(given) and not all(given):
        raise ConfigError("a corpus is --train, --dev and --test: give all three, or none")
    listed = Rivals.at(rivals)
    demo = Path(str(files("tagsmith") / "demo"))
    work = folder / "work"
    work.mkdir(parents=True, exist_ok=True)
    paths = {
        split: write_columns(read_spans_file(path or str(demo / f"{split}.conll")), work / f"{split}.columns")
        for split, path in zip(("train", "dev", "test"), given, strict=True)
    }
    model = model or _trained_model(work, paths, vectors, {"training.epochs": EPOCHS, **(settings or {})})
    setting = BenchSetting(
        work, listed, **paths, model=model, vectors=vectors, settings=settings or {}, repeats=repeats
    )
    if setting.tagger.model.is_plain:
        raise ConfigError(f"{model}: a model of plain tags; the benchmark compares spans")
    return setting


def _trained_model(work: Path, paths: Mapping[str, str], vectors: str | None, settings: Mapping[str, Any]) -> str:
    """Return the path of a model for these files and settings, trained unless an earlier benchmark has trained it."""
    inputs = [paths["train"], paths["dev"], *([vectors] if vectors else [])]
    model = work / f"model-{digest(*inputs, extra=str(sorted(settings.items())))}.safetensors"
    if not model.exists():
        say("training a model first; --model names an existing one")
        Tagger.train(paths["train"], paths["dev"], vectors=vectors, settings=settings).save(model)
    return str(model)
