"""Where a benchmark runs: its corpus, its model, its rivals and its folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

from tagsmith.bench import inputs as corpus
from tagsmith.bench.measurements import Measurement
from tagsmith.bench.rivals import Rivals
from tagsmith.bench.workers import say
from tagsmith.errors import ConfigError
from tagsmith.tagger import Tagger
from tagsmith.text import Sentence

EPOCHS = 20
"""Of the model that is trained where none is given."""


@dataclass
class BenchSetting:
    """What all measurements share."""

    folder: Path
    rivals: Rivals
    train: str
    dev: str
    test: str
    model: str
    vectors: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Of trainings."""
    repeats: int = 5

    @cached_property
    def sentences(self) -> Sequence[Sentence]:
        """The test sentences."""
        return corpus.read(self.test)

    @cached_property
    def tagger(self) -> Tagger:
        """The model, for checks."""
        return Tagger.load(self.model)

    @cached_property
    def plain_f1(self) -> float:
        """Span F1 of the model on the test sentences, by the plain engine."""
        return Tagger.load(self.model, compiled=False).evaluate(self.sentences).f1

    @property
    def tokens(self) -> int:
        """Tokens of the test sentences."""
        return sum(map(len, self.sentences))

    def place(self, name: str) -> Path:
        """A file of the benchmark's own."""
        return self.folder / name


@dataclass
class Findings:
    """What was measured: the lines of the table, the runs of all who raced, and the curves."""

    figures: list[Measurement] = field(default_factory=list)
    entrants: list[dict[str, Any]] = field(default_factory=list)
    curves: dict[str, list[dict[str, float]]] = field(default_factory=dict)


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
    """The setting for a corpus, that in the package unless named; a model is trained on it unless one is given.

    Raises:
        ConfigError: some but not all files of a corpus, or a model of plain tags.
        DataError: a file that can't be read.
        MissingExtra: a model has to be trained, and PyTorch is not installed.
    """
    given = [train, dev, test]
    if any(given) and not all(given):
        raise ConfigError("a corpus is --train, --dev and --test: give all three, or none")
    listed = Rivals.at(rivals)
    demo = Path(str(files("tagsmith") / "demo"))
    work = folder / "work"
    work.mkdir(parents=True, exist_ok=True)
    paths = {}
    for name, path in zip(("train", "dev", "test"), given, strict=True):
        paths[name] = corpus.write(corpus.read(path or str(demo / f"{name}.conll")), work / f"{name}.columns")
    if model is None:
        chosen = {"training.epochs": EPOCHS, **(settings or {})}
        inputs = [paths["train"], paths["dev"], *([vectors] if vectors else [])]
        model = str(work / f"model-{corpus.digest(*inputs, about=str(sorted(chosen.items())))}.safetensors")
        if not Path(model).exists():
            say("training a model first; --model takes one that is there")
            tagger = Tagger.train(paths["train"], paths["dev"], vectors=vectors, settings=chosen)
            tagger.save(model)
    setting = BenchSetting(
        work, listed, **paths, model=model, vectors=vectors, settings=settings or {}, repeats=repeats
    )
    if setting.tagger.model.config.scheme == "plain":
        raise ConfigError(f"{model}: a model of plain tags; the benchmark compares spans")
    return setting
