"""How a training begins, and what it comes to: a model with fresh weights, its data, a learner; and a run."""

from __future__ import annotations

import dataclasses
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import torch

from tagsmith.config import RANDOM_DIM, Config, TrainingConfig, configure
from tagsmith.embeddings import WordVectors
from tagsmith.errors import ConfigError
from tagsmith.gpu import obstacle as no_kernels
from tagsmith.model.network import initial_weights
from tagsmith.store import Model, shapes
from tagsmith.text import Sentence
from tagsmith.training.checkpoint import Epoch, Progress
from tagsmith.training.trainer import Trainer
from tagsmith.training.training_set import (
    TrainingSet,
    dev_rows,
    training_set,
    unseen_labels,
    without_vector,
    word_vectors,
)
from tagsmith.training.warm_start import inherit, known_vectors

if TYPE_CHECKING:
    from tagsmith.training.side_by_side import SideBySide

RECORDED = "recorded as CUDA graphs, kernels in Triton"


@dataclass(frozen=True)
class TrainingSetup:
    """A training before its first step."""

    model: Model
    data: TrainingSet
    gold: list[Sequence[str]]
    """Of the dev sentences that have tokens; empty without dev."""
    rows: WordVectors | None
    """What the word vectors start from."""

    @property
    def config(self) -> Config:
        """Its settings, with the width of its word vectors."""
        return self.model.config

    @property
    def facts(self) -> dict[str, Any]:
        """What is known of the training."""
        return dict(self.model.training)

    def announcement(self, config: Config, resumed: dict[str, Any] | None) -> dict[str, Any]:
        """What an observer is told at the start, of this training or of one that differs in its seed."""
        unseen = unseen_labels(self.gold, self.data.tags, self.config.scheme)
        return {**self.facts, "config": msgspec.to_builtins(config), "resumed": resumed, "unseen_labels": unseen}

    def with_seed(self, seed: int) -> Model:
        """The model that another seed begins with."""
        config = configure(self.config, {"training.seed": seed})
        weights = _fresh(config, self.data, self.rows)
        return dataclasses.replace(self.model, config=config, weights=weights)


@dataclass
class TrainingResult:
    """A finished training: the model of the best epoch, and all epochs."""

    model: Model
    epochs: list[Epoch] = field(default_factory=list)


def begin(
    sentences: Sequence[Sentence],
    dev: Sequence[Sentence] | None,
    config: Config,
    vectors: WordVectors | None,
    device: str,
    old: Model | None = None,
    side_by_side: Sequence[int] = (),
) -> TrainingSetup:
    """A training on sentences, with fresh weights, or with what an old model has in common with it.

    Args:
        side_by_side: the seeds, where several are trained at once.

    Raises:
        DataError: sentences that can't be learned from.
        ConfigError: a model to start from with other sizes, or a width of word vectors other than that of the file.
    """
    rows = known_vectors(old, vectors) if old else vectors
    config = _with_dim(config, rows)
    data = training_set(sentences, config, vectors, old.alphabets if old else None)
    gold = [] if dev is None else dev_rows(dev, config.scheme)
    facts = {**_facts(data, dev, vectors), "versions": _versions(), "device": device}
    if device.startswith("cuda"):
        facts["steps"] = steps_on_gpu(config)
        if has_gpu():
            facts["gpu"] = torch.cuda.get_device_name(device)
    if side_by_side:
        facts["side_by_side"] = list(side_by_side)
    lacking = without_vector(data.alphabets, vectors, old)
    weights = _fresh(config, data, rows)
    model = Model(config, data.alphabets, data.tags, weights, facts, without_vector=lacking)
    if old:
        weights, inherited = inherit(old, model)
        facts["inherited"] = inherited.lines("the model to start from")
        model = dataclasses.replace(model, weights=weights)
    return TrainingSetup(model, data, gold, rows)


def make_learner(beginning: TrainingSetup, device: str) -> Trainer:
    """What trains a model on a device.

    Raises:
        ConfigError: the device is not there, or can't train in the precision asked for.
    """
    if beginning.facts.get("steps") == RECORDED:
        return put_together([beginning.model], beginning.data, device).learners[0]
    if beginning.config.training.precision != "float32":
        why = beginning.facts.get("steps", f"the device is {device}")
        found = f"training.precision={beginning.config.training.precision}, which only steps recorded on a GPU can have"
        raise ConfigError(f"{found}; here {why}")
    return Trainer(beginning.model, beginning.data, device)


def has_gpu() -> bool:
    """Whether PyTorch finds an NVIDIA GPU."""
    return torch.cuda.is_available()


def steps_on_gpu(config: Config) -> str:
    """How a training's steps run there: recorded, or why not."""
    return f"PyTorch, one by one: {why}" if (why := obstacle(config)) else RECORDED


def obstacle(config: Config) -> str:
    """Why a training's steps can't be recorded on a GPU; empty if they can."""
    if why := no_kernels(config):
        return f"no kernels of tagsmith's: {why}"
    if config.training.optimizer != "sgd":
        return f"training.optimizer={config.training.optimizer}, where only sgd can be recorded"
    if config.training.average:
        return f"training.average={config.training.average}, where only 0 can be recorded"
    return ""


def put_together(models: Sequence[Model], data: TrainingSet, device: str) -> SideBySide:
    """Trainings of some models, which differ in their seed alone, on one device.

    Raises:
        ConfigError: the device is not there.
    """
    from tagsmith.training.side_by_side import SideBySide

    try:
        return SideBySide(models, data, device)
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(f"device {device!r}: {str(error).splitlines()[0]}") from None


def ended(progress: Progress, settings: TrainingConfig) -> str | None:
    """What ends a training here, ``patience`` or ``epochs``; None if nothing does."""
    done, best = len(progress.epochs), progress.best
    if best and done - best.number >= settings.patience:
        return "patience"
    return "epochs" if done >= settings.epochs else None


def finish(learner: Trainer, stopped: str | None) -> TrainingResult:
    """What a training came to: the model of its best epoch."""
    epochs, best = learner.progress.epochs, learner.progress.best
    assert best is not None  # there is at least one epoch, and the first is the best so far
    brief = None if best.dev is None else {"score": best.dev.score, "accuracy": best.dev.accuracy}
    known = {"epochs": len(epochs), "best_epoch": best.number, "stopped": stopped, "dev": brief}
    facts = {**learner.model.training, **known}
    return TrainingResult(dataclasses.replace(learner.model, weights=learner.best_weights(), training=facts), epochs)


def _fresh(config: Config, data: TrainingSet, rows: WordVectors | None) -> dict[str, np.ndarray]:
    """The weights that a seed begins with."""
    rng = np.random.default_rng(config.training.seed)
    weights = initial_weights(shapes(config, data.alphabets, len(data.tags)), rng)
    return {**weights, "words.vectors": word_vectors(data.alphabets, rows, config.words.dim or 0, rng)}


def _with_dim(config: Config, vectors: WordVectors | None) -> Config:
    if vectors and config.words.dim not in (None, vectors.dim):
        wide = f"the vectors of {vectors.source} are {vectors.dim} wide"
        raise ConfigError(f"words.dim is {config.words.dim}, but {wide}; leave it unset")
    dim = vectors.dim if vectors else config.words.dim or RANDOM_DIM
    return msgspec.structs.replace(config, words=msgspec.structs.replace(config.words, dim=dim))


def _facts(data: TrainingSet, dev: Sequence[Sentence] | None, vectors: WordVectors | None) -> dict[str, Any]:
    words = {token for sentence in data.sentences for token in sentence.tokens}
    return {
        "train_sentences": len(data.sentences),
        "train_tokens": data.tokens,
        "train_words": data.alphabets.trained - 1,
        "dev_sentences": None if dev is None else len(dev),
        "vectors": vectors
        and {
            "form": vectors.format,
            "words": len(vectors.words),
            "repeated": vectors.repeated,
            "coverage": dataclasses.asdict(vectors.coverage(words, data.alphabets.word_of)),
        },
    }


def _versions() -> dict[str, Any]:
    names = {"tagsmith": version("tagsmith"), "torch": str(torch.__version__), "numpy": np.__version__}
    return {"python": platform.python_version(), **names}
