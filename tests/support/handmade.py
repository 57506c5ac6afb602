"""Models without training: one whose predictions are known, and one with random weights. And some sentences."""

from __future__ import annotations

import dataclasses
import random
import string
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from tagsmith import config, store
from tagsmith.batching import Alphabets
from tagsmith.formats import conll
from tagsmith.schemes import SCHEMES
from tagsmith.text import Sentence
from tagsmith.vocab import Vocabulary

DEMO = Path(str(files("tagsmith") / "demo"))
TINY = {
    "words.dim": 12,
    "chars.dim": 8,
    "chars.filters": 8,
    "encoder.size": 16,
    "training.learning_rate": 0.1,
    "training.epochs": 3,
}
SMALL = {"chars.dim": 2, "chars.filters": 2}
LEXICON = {
    "jay": "S-PER",
    "mira": "B-PER",
    "okafor": "E-PER",
    "india": "S-LOC",
    "new": "B-LOC",
    "south": "I-LOC",
    "wales": "E-LOC",
}


def lexicon_model(words: Mapping[str, str] | None = None, scheme: str = "BIOES") -> store.Model:
    """Return a model that gives each of these words (in lower case) its tag and all others O, where that is legal."""
    words = LEXICON if words is None else words
    labels = sorted({tag.partition("-")[2] for tag in words.values()} - {""})
    tags = SCHEMES[scheme].tags(labels) if scheme in SCHEMES else sorted({"O", *words.values()})
    model = empty_model(scheme, tags, list(words), dim=len(tags), size=len(tags))
    rows = [tags.index("O"), *(tags.index(tag) for tag in words.values())]
    model.weights["words.vectors"][np.arange(len(rows)), rows] = 1.0
    # The input gate is open and the forget gate closed, so a state is 0.76 where its word's vector is 1.
    gates = model.weights["encoder.bias"].reshape(2, 4, len(tags))
    gates[:, 0], gates[:, 1], gates[:, 2] = 20.0, -20.0, 20.0
    into = model.weights["encoder.input_weight"].reshape(2, -1, 4, len(tags))
    into[:, np.arange(len(tags)), 3, np.arange(len(tags))] = 20.0
    model.weights["head.weight"][:] = np.tile(np.eye(len(tags), dtype=np.float32) * 10.0, 2)
    return model


def random_model(
    seed: int,
    scheme: str = "BIOES",
    labels: Sequence[str] = ("LOC", "PER"),
    scale: float = 1.0,
    settings: Mapping[str, Any] = SMALL,
) -> store.Model:
    """Return a model with normally distributed weights."""
    words = [f"word{i}" for i in range(30)]
    model = empty_model(scheme, SCHEMES[scheme].tags(labels), words, dim=4, size=5, settings=settings)
    rng = np.random.default_rng(seed)
    for weight in model.weights.values():
        weight[:] = rng.normal(0, scale, weight.shape)
    return model


def empty_model(
    scheme: str, tags: Sequence[str], words: Sequence[str], dim: int, size: int, settings: Mapping[str, Any] = SMALL
) -> store.Model:
    """Return a model with all weights 0."""
    chosen = config.configure(settings={"scheme": scheme, "words.dim": dim, "encoder.size": size, **settings})
    vocabulary = Vocabulary(["", *words])
    alphabets = Alphabets(vocabulary, Vocabulary(["", *string.ascii_letters, "0"]), len(vocabulary), True, True)
    weights = {name: np.zeros(shape, np.float32) for name, shape in store.shapes(chosen, alphabets, len(tags)).items()}
    return store.Model(chosen, alphabets, tuple(tags), weights, {"epochs": 0, "best_epoch": 0})


def random_sentences(count: int, seed: int = 0, longest: int = 60) -> list[list[str]]:
    """Return sentences of random words and lengths, some of them empty."""
    rng = random.Random(seed)
    return [[f"word{rng.randrange(40)}" for _ in range(rng.randrange(longest))] for _ in range(count)]


def read_demo(part: str) -> list[Sentence]:
    """Return the sentences of a part of the corpus in the package."""
    return list(conll.read(DEMO / f"{part}.conll"))


def of_characters(model: store.Model) -> store.Model:
    """Return the same model, for text that is split into characters."""
    return dataclasses.replace(model, config=msgspec.structs.replace(model.config, tokenizer="characters"))


def same(a: store.Model, b: store.Model) -> bool:
    """Return whether two models are equal in every part, to the bit."""
    unlike = [
        model.without_vector if model.without_vector is None else model.without_vector.tolist() for model in (a, b)
    ]
    return (
        unlike[0] == unlike[1]
        and (a.config, a.tags, a.int8, a.calibration) == (b.config, b.tags, b.int8, b.calibration)
        and dict(a.training) == dict(b.training)
        and a.alphabets.words.strings == b.alphabets.words.strings
        and a.alphabets.chars.strings == b.alphabets.chars.strings
        and a.alphabets.trained == b.alphabets.trained
        and (a.alphabets.lowercase, a.alphabets.zero_digits) == (b.alphabets.lowercase, b.alphabets.zero_digits)
        and a.weights.keys() == b.weights.keys()
        and all(a.weights[name].tobytes() == b.weights[name].tobytes() for name in a.weights)
        and all(a.weights[name].shape == b.weights[name].shape for name in a.weights)
    )
