"""From emissions to tags: the best of the legal paths, and no other."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tagsmith.batching import Alphabets, time_steps
from tagsmith.config import configure
from tagsmith.engine.decoding import Decoder
from tagsmith.schemes import SCHEMES, is_legal
from tagsmith.store import Model
from tagsmith.vocab import Vocabulary

LENGTHS = st.lists(st.integers(1, 4), min_size=1, max_size=4)
SEEDS = st.integers(0, 2**32 - 1)
Floats = NDArray[np.floating]


def random_model(rng: np.random.Generator, scheme: str, tags: list[str]) -> Model:
    count = len(tags)
    weights = {
        f"head.{name}": rng.normal(size=shape).astype(np.float32)
        for name, shape in {
            "transitions": (count, count),
            "start_transitions": count,
            "end_transitions": count,
        }.items()
    }
    none = Alphabets(Vocabulary([""]), Vocabulary([""]), 1, True, True)
    return Model(configure(settings={"scheme": scheme}), none, tuple(tags), weights, {})


def decode(model: Model, emissions: Floats, lengths: list[int]) -> list[list[str]]:
    path = Decoder(model)(emissions, time_steps(np.array(lengths)))
    return [[model.tags[i] for i in ids] for ids in np.split(path, np.cumsum(lengths)[:-1])]


def best_path(model: Model, emissions: Floats) -> list[str]:
    """The best of the paths that are legal as whole sequences, each of them tried."""
    transitions, start, end = (
        model.weights[f"head.{name}"].astype(float) for name in ("transitions", "start_transitions", "end_transitions")
    )

    def score(path: tuple[int, ...]) -> float:
        steps = sum(transitions[a, b] for a, b in itertools.pairwise(path))
        return start[path[0]] + end[path[-1]] + steps + sum(e[tag] for e, tag in zip(emissions, path, strict=True))

    paths = itertools.product(range(len(model.tags)), repeat=len(emissions))
    scheme = SCHEMES.get(model.config.scheme)
    legal = [path for path in paths if scheme is None or is_legal(scheme, [model.tags[i] for i in path])]
    return [model.tags[i] for i in max(legal, key=score)]


@pytest.mark.parametrize(
    ("scheme", "labels"), [("BIOES", [""]), ("IOB2", ["A", "B"]), ("IOE1", ["A", "B"]), ("plain", [])]
)
@given(LENGTHS, SEEDS)
@settings(max_examples=12, deadline=None)
def test_the_best_legal_path_of_each_sentence_is_found(
    scheme: str, labels: list[str], lengths: list[int], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    model = random_model(rng, scheme, SCHEMES[scheme].tags(labels) if labels else ["NN", "VB", "I-x"])
    emissions = rng.normal(size=(sum(lengths), len(model.tags)))
    expected = [best_path(model, e) for e in np.split(emissions, np.cumsum(lengths)[:-1])]
    assert decode(model, emissions, lengths) == expected


@pytest.mark.parametrize("scheme", sorted(SCHEMES))
@given(st.lists(st.integers(1, 30), min_size=1, max_size=4), SEEDS)
@settings(max_examples=25, deadline=None)
def test_only_legal_tags_come_out_whatever_goes_in(scheme: str, lengths: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    model = random_model(rng, scheme, SCHEMES[scheme].tags(["LOC", "ORG", "PER"]))
    emissions = (1000 * rng.normal(size=(sum(lengths), len(model.tags)))).astype(np.float32)
    for tags in decode(model, emissions, lengths):
        assert is_legal(SCHEMES[scheme], tags)


def test_equal_scores_give_the_same_tags_each_time() -> None:
    model = random_model(np.random.default_rng(0), "BIOES", SCHEMES["BIOES"].tags(["A"]))
    for weight in model.weights.values():
        weight[:] = 0.0
    assert decode(model, np.zeros((4, 5)), [3, 1]) == [["O", "O", "O"], ["O"]]
