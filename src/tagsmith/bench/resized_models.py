"""A model with more or fewer words or labels, to measure what they cost."""

from __future__ import annotations

import dataclasses

import msgspec
import numpy as np

from tagsmith import store
from tagsmith.config import from_builtins
from tagsmith.schemes import SCHEMES
from tagsmith.vocab import Vocabulary


def with_words(model: store.Model, count: int) -> store.Model:
    """Return the model with a word table of ``count`` rows, or as many as it was trained on if they are more.

    Added words occur in no text and have random vectors. The last words are the first to be removed.
    """
    count = max(count, model.alphabets.trained)
    words, vectors = model.alphabets.words.strings[:count], model.weights["words.vectors"][:count]
    added = count - len(words)
    rows = np.random.default_rng(1).standard_normal((added, vectors.shape[1]), np.float32)
    # A private-use character, so no real word.
    table = Vocabulary([*words, *(f"\ue000{number}" for number in range(added))])
    alphabets = dataclasses.replace(model.alphabets, words=table)
    weights = {**model.weights, "words.vectors": np.concatenate([vectors, rows])}
    return dataclasses.replace(model, alphabets=alphabets, weights=weights)


def with_labels(model: store.Model, count: int) -> store.Model:
    """Return the model with a CRF of ``count`` labels and random weights as its head, so its predictions are noise."""
    values = {**msgspec.to_builtins(model.config), "scheme": "BIOES", "head": {"kind": "crf", "potentials": "shared"}}
    config = from_builtins(values)
    tags = tuple(SCHEMES["BIOES"].tags([f"L{number}" for number in range(count)]))
    rng = np.random.default_rng(1)
    shapes = store.shapes(config, model.alphabets, len(tags))
    head = {name: rng.standard_normal(shape, np.float32) for name, shape in shapes.items() if name.startswith("head.")}
    kept = {name: weight for name, weight in model.weights.items() if not name.startswith("head.")}
    return dataclasses.replace(model, config=config, tags=tags, weights={**kept, **head})
