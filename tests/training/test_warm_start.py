"""Weights taken over from an older model: which rows go where, what is new, and what can't be taken over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from tagsmith.config import configure
from tagsmith.embeddings import WordVectors
from tagsmith.errors import ConfigError
from tagsmith.model.network import initial_weights
from tagsmith.store import Model, shapes
from tagsmith.text import Sentence
from tagsmith.training.training_set import training_set, word_vectors
from tagsmith.training.warm_start import inherit, known_vectors
from tagsmith.vocab import Vocabulary
from tests.support.handmade import SMALL, random_model

SENTENCES = [
    Sentence(["Zoe", "saw", "word3"], ["B-PER", "O", "B-LOC"]),
    Sentence(["éé", "saw", "word0"], ["B-DATE", "O", "B-LOC"]),
]
HEADS: list[dict[str, Any]] = [{}, {"head.potentials": "bigram"}, {"head.kind": "softmax"}]


def fresh_model(old: Model, vectors: WordVectors | None = None, **settings: Any) -> Model:
    """A new training's start on SENTENCES, wired as the loop does it."""
    chosen = {"words.dim": 4, "encoder.size": 5, **SMALL, **settings}
    config, rng = configure(settings=chosen), np.random.default_rng(7)
    data = training_set(SENTENCES, config, vectors, old.alphabets)
    weights = initial_weights(config, shapes(config, data.alphabets, len(data.tags)), rng)
    weights["words.vectors"] = word_vectors(data.alphabets, known_vectors(old, vectors), 4, rng)
    return Model(config, data.alphabets, data.tags, weights, {})


def retagged(tags: Sequence[str], model: Model) -> Model:
    found = shapes(model.config, model.alphabets, len(tags))
    return Model(
        model.config,
        model.alphabets,
        tuple(tags),
        initial_weights(model.config, found, np.random.default_rng(5))
        | {"words.vectors": np.ones(found["words.vectors"], np.float32)},
        {},
    )


@pytest.mark.parametrize("head", HEADS)
def test_the_same_alphabets_and_tags_give_the_old_weights_to_the_bit(head: dict[str, Any]) -> None:
    old = random_model(1, settings={**SMALL, "encoder.layers": 2, **head})
    weights, inherited = inherit(old, retagged(old.tags, old))
    assert weights.keys() == old.weights.keys()
    assert all(weights[name].tobytes() == old.weights[name].tobytes() for name in weights)
    assert inherited.lines("M") == [
        "from M: 30 of 30 words of the training data, 53 of 53 characters, encoder, head",
        "labels: kept LOC PER",
    ]


def test_words_and_characters_go_by_their_strings_and_none_is_lost() -> None:
    old = random_model(1)
    file = WordVectors(Vocabulary(["word3", "zoe", "yak"]), np.full((3, 4), 9, np.float32))
    fresh = fresh_model(old, file)
    weights, inherited = inherit(old, fresh)
    id_of, row = fresh.alphabets.words.id_of, weights["words.vectors"]
    for word in old.alphabets.words.strings:
        assert row[id_of(word)].tolist() == old.weights["words.vectors"][old.alphabets.words.id_of(word)].tolist()
    assert row[id_of("zoe")].tolist() == row[id_of("yak")].tolist() == [9.0] * 4
    for i, char in enumerate(old.alphabets.chars.strings):
        new = fresh.alphabets.chars.id_of(char)
        assert weights["chars.vectors"][new].tolist() == old.weights["chars.vectors"][i].tolist()
    assert (inherited.words, inherited.training_words, inherited.other_words, inherited.lost_words) == (
        1,
        4,
        29,
        0,
    )  # word3 is word0
    assert (inherited.chars, inherited.all_chars, inherited.lost_chars) == (53, 54, 0)
    assert (inherited.kept, inherited.new, inherited.left_behind) == (("LOC", "PER"), ("DATE",), ())


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("tags", [["O", "S-PER", "S-NEW", "B-PER"], ["O", "B-LOC", "I-LOC", "B-MISC", "I-MISC"]])
def test_the_head_goes_by_tags_and_pairs_of_tags(head: dict[str, Any], tags: list[str]) -> None:
    old = random_model(1, settings={**SMALL, **head})
    fresh = retagged(tags, old)
    weights, _ = inherit(old, fresh)

    def entry(weights: Any, known: Sequence[str], name: str, before: str, tag: str) -> list[float]:
        k = known.index(tag)
        row = len(known) if before == "" else known.index(before)
        if name == "head.transitions":
            return [weights[name][row, k]]
        if head.get("head.potentials") == "bigram" and name != "head.end_transitions":
            k += row * len(known)
        return np.ravel(weights[name][k]).tolist()

    for name in (name for name in weights if name.startswith("head.")):
        bigram = "head.potentials" in head and name != "head.end_transitions"
        pairwise = bigram or name == "head.transitions"
        for before in ["", *tags][not bigram :] if pairwise else [""]:
            for tag in tags:
                kept = tag in old.tags and (not pairwise or before in ("", *old.tags))
                source = old if kept else fresh
                found = entry(weights, tags, name, before, tag)
                assert found == entry(source.weights, source.tags, name, before, tag), (name, before, tag)


def test_another_scheme_keeps_the_tags_of_the_same_name() -> None:
    old = random_model(1)
    _, inherited = inherit(old, fresh_model(old, scheme="IOB2"))
    assert inherited.unit == "tags"
    assert inherited.kept == ("O", "B-LOC", "I-LOC", "B-PER", "I-PER")
    assert inherited.left_behind == ("E-LOC", "S-LOC", "E-PER", "S-PER")


def test_a_head_of_another_kind_is_new() -> None:
    old = random_model(1)
    softmax: dict[str, Any] = {"head.kind": "softmax"}
    fresh = fresh_model(old, None, **softmax)
    weights, inherited = inherit(old, fresh)
    assert weights["head.weight"].tolist() == fresh.weights["head.weight"].tolist()
    assert inherited.lines("M")[1] == "labels: new DATE LOC PER"


@pytest.mark.parametrize(
    ("setting", "now", "before"),
    [
        ("encoder.size", 6, "5"),
        ("encoder.layers", 2, "1"),
        ("chars.kind", "none", "cnn"),
        ("chars.filters", 3, "2"),
        ("words.lowercase", False, "true"),
        ("words.zero_digits", False, "true"),
    ],
)
def test_settings_that_do_not_fit_are_an_error(setting: str, now: Any, before: str) -> None:
    old = random_model(1)
    chosen = {} if setting == "chars.kind" else SMALL
    config = configure(settings={"words.dim": 4, "encoder.size": 5, **chosen, setting: now})
    fresh = Model(config, old.alphabets, old.tags, old.weights, {})
    with pytest.raises(
        ConfigError, match=f"^{setting} is {str(now).lower()}, but {before} in .*set {setting}={before}"
    ):
        inherit(old, fresh)


def test_all_settings_that_do_not_fit_are_named_at_once() -> None:
    old = random_model(1)
    config = configure(settings={"words.dim": 4, **SMALL, "encoder.size": 6, "chars.filters": 3})
    with pytest.raises(
        ConfigError,
        match=r"^chars.filters is 3, but 2 in .*, encoder.size is 6.*set chars.filters=2 and encoder.size=5",
    ):
        inherit(old, Model(config, old.alphabets, old.tags, old.weights, {}))


def test_another_tokenizer_is_said() -> None:
    old = random_model(1)
    _, same = inherit(old, fresh_model(old))
    _, other = inherit(old, fresh_model(old, tokenizer="characters"))
    line = "tokenizer: characters here, words in M"
    assert line in other.lines("M")
    assert line not in same.lines("M")


def test_vectors_of_another_width_are_an_error() -> None:
    with pytest.raises(ConfigError, match=r"words.dim is 4 in the model .* v.txt are 2 wide; take vectors 4 wide"):
        known_vectors(random_model(1), WordVectors(Vocabulary(["a"]), np.zeros((1, 2), np.float32), "v.txt"))
