"""Small models side by side on a device, and a corpus of a few sentences there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tagsmith.batching import build_alphabets
from tagsmith.config import WordsConfig, configure
from tagsmith.gpu.device_corpus import DeviceBatch, DeviceCorpus, to_device
from tagsmith.store import Model, shapes

SENTENCES = [
    ["Ann", "saw", "the", "the", "Rhine"],
    ["Rain"],
    ["in", "1990", "Bob", "saw", "Bonn"],
    ["a", "b", "Donaudampfschifffahrt"],
    ["Ann", "and", "Bob", "saw", "rain", "in", "Bonn"],
]
TAGS = ("O", "B-PER", "I-PER", "B-LOC")
NO_DROPOUT = {"chars.dropout": 0.0, "encoder.dropout_in": 0.0, "encoder.dropout_out": 0.0}
PADDING = len(SENTENCES)
CHOSEN = [[1, 4, 0], [2, PADDING, 3]]


def make_model(seed: int, settings: Mapping[str, Any] = {}) -> Model:
    chars = {} if settings.get("chars.kind") == "none" else {"chars.dim": 3, "chars.filters": 4}
    still = {name: rate for name, rate in NO_DROPOUT.items() if chars or not name.startswith("chars.")}
    config = configure(settings={"words.dim": 5, "encoder.size": 6, **chars, **still, **settings})
    alphabets, _ = build_alphabets(SENTENCES, WordsConfig())
    rng = np.random.default_rng(seed)
    weights = {
        name: rng.normal(0, 0.5, shape).astype(np.float32)
        for name, shape in shapes(config, alphabets, len(TAGS)).items()
    }
    return Model(config, alphabets, TAGS, weights, {})


def stacked(models: list[Model], device: str) -> dict[str, Tensor]:
    """The weights of several models, side by side."""
    return {
        name: torch.from_numpy(np.stack([model.weights[name] for model in models])).to(device).requires_grad_()
        for name in models[0].weights
    }


def corpus_of(model: Model, device: str) -> DeviceCorpus:
    return to_device(model.alphabets.batch(SENTENCES), model.config.chars, len(model.alphabets.chars), device)


def batch_of(corpus: DeviceCorpus, device: str) -> DeviceBatch:
    shape = corpus.batch_shape(np.array(CHOSEN), step=4)
    return corpus.batch(torch.tensor(CHOSEN, device=device), shape)
