"""The start of a training: its data, models with fresh weights, the facts about it, and the trainer for its device."""

from __future__ import annotations

import dataclasses
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import torch

from tagsmith.config import RANDOM_DIM, Config, configure
from tagsmith.embeddings import WordVectors
from tagsmith.engine import check_device
from tagsmith.errors import ConfigError
from tagsmith.gpu import missing_kernels as kernel_obstacle
from tagsmith.model.network import initial_weights
from tagsmith.store import Model, shapes
from tagsmith.text import Sentence
from tagsmith.training.one_network import NetworkTrainer
from tagsmith.training.training_set import (
    DevSet,
    TrainingSet,
    dev_set,
    training_set,
    unseen_labels,
    without_vector,
    word_vectors,
)
from tagsmith.training.warm_start import inherit, known_vectors

if TYPE_CHECKING:
    from tagsmith.training.trainer import Trainer

RECORDED = "recorded as CUDA graphs, kernels in Triton"


@dataclass(frozen=True)
class TrainingSetup:
    """A training before its first step."""

    models: list[Model]
    """What each network starts from. They differ in their seed and their weights alone."""
    data: TrainingSet
    dev: DevSet | None
    device: str
    is_recorded: bool
    """True if the steps are recorded on a GPU, by kernels in Triton."""

    @property
    def config(self) -> Config:
        """The settings of the first network, with the width of its word vectors."""
        return self.models[0].config

    @property
    def facts(self) -> dict[str, Any]:
        """Facts about the training: counts of its data, versions, device."""
        return dict(self.models[0].training)

    def announcement(self, config: Config, resumed: dict[str, Any] | None) -> dict[str, Any]:
        """Return the facts for the observers of a network that has these settings."""
        unseen = unseen_labels(self.dev.gold if self.dev else [], self.data.tags, self.config.scheme)
        return {**self.facts, "config": msgspec.to_builtins(config), "resumed": resumed, "unseen_labels": unseen}


def prepare(
    sentences: Sequence[Sentence],
    dev: Sequence[Sentence] | None,
    config: Config,
    vectors: WordVectors | None,
    device: str,
    old: Model | None = None,
    seeds: Sequence[int] = (),
) -> TrainingSetup:
    """Set up a training on sentences.

    Args:
        old: a model to start from; without one, all weights are fresh.
        seeds: those of several networks, to be trained side by side. Empty: one network, with the seed of ``config``.

    Raises:
        DataError: sentences that can't be learned from.
        ConfigError: an old model of other sizes, a width of word vectors other than that of the file, or a device of
            an unknown name.
    """
    check_device(device)
    rows = known_vectors(old, vectors) if old else vectors
    config = _with_dim(config, rows)
    data = training_set(sentences, config, vectors, old.alphabets if old else None)
    held_out = None if dev is None else dev_set(dev, config.scheme)
    on_gpu = device.startswith("cuda")
    facts = {**_facts(data, dev, vectors), "versions": _versions(), "device": device}
    if on_gpu:
        facts["steps"] = steps_on_gpu(config)
        if has_gpu():
            facts["gpu"] = torch.cuda.get_device_name(device)
    if seeds:
        facts["side_by_side"] = list(seeds)

    configs = [configure(config, {"training.seed": seed}) for seed in seeds] or [config]
    unlisted = without_vector(data.alphabets, vectors, old)
    models = [
        Model(each, data.alphabets, data.tags, _fresh_weights(each, data, rows), facts, without_vector=unlisted)
        for each in configs
    ]
    if old:
        models = [_warm(old, model) for model in models]
    is_recorded = bool(seeds) or (on_gpu and not recording_obstacle(config))
    return TrainingSetup(models, data, held_out, device, is_recorded)


def make_trainer(setup: TrainingSetup) -> Trainer:
    """Return the trainer for a training's device.

    Raises:
        ConfigError: the device does not exist, or it can't train in the precision asked for.
    """
    precision = setup.config.training.precision
    if precision != "float32" and not setup.is_recorded:
        why = setup.facts.get("steps", f"the device is {setup.device}")
        found = f"training.precision={precision}, which only steps recorded on a GPU can have"
        raise ConfigError(f"{found}; here {why}")
    try:
        if not setup.is_recorded:
            return NetworkTrainer(setup.models[0], setup.data, setup.device)
        from tagsmith.training.side_by_side import SideBySideTrainer  # imports Triton

        return SideBySideTrainer(setup.models, setup.data, setup.device)
    except (RuntimeError, AssertionError) as error:  # PyTorch's, where a device is missing
        raise ConfigError(f"device {setup.device!r}: {str(error).splitlines()[0]}") from None


def has_gpu() -> bool:
    """Return whether PyTorch finds an NVIDIA GPU."""
    return torch.cuda.is_available()


def steps_on_gpu(config: Config) -> str:
    """Describe how a training's steps run on a GPU: recorded, or why not."""
    return f"PyTorch, one by one: {why}" if (why := recording_obstacle(config)) else RECORDED


def recording_obstacle(config: Config) -> str:
    """Return why a training's steps can't be recorded on a GPU; empty if they can."""
    if why := kernel_obstacle(config):
        return f"no kernels of tagsmith's: {why}"
    if config.training.optimizer != "sgd":
        return f"training.optimizer={config.training.optimizer}, where only sgd can be recorded"
    if config.training.average:
        return f"training.average={config.training.average}, where only 0 can be recorded"
    return ""


def _fresh_weights(config: Config, data: TrainingSet, rows: WordVectors | None) -> dict[str, np.ndarray]:
    """The weights that a seed starts with; the word vectors are those of ``rows``, where it has them."""
    rng = np.random.default_rng(config.training.seed)
    weights = initial_weights(config, shapes(config, data.alphabets, len(data.tags)), rng)
    return {**weights, "words.vectors": word_vectors(data.alphabets, rows, config.words.dim or 0, rng)}


def _warm(old: Model, fresh: Model) -> Model:
    """The fresh model with the weights that it shares with an old one taken over."""
    weights, inherited = inherit(old, fresh)
    training = {**fresh.training, "inherited": inherited.lines("the model to start from")}
    return dataclasses.replace(fresh, weights=weights, training=training)


def _with_dim(config: Config, vectors: WordVectors | None) -> Config:
    """The settings with ``words.dim`` filled in."""
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
