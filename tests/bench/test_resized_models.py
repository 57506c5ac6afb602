"""Models with more or fewer words or labels."""

from __future__ import annotations

import numpy as np

from tagsmith import Tagger
from tagsmith.bench.resized_models import with_labels, with_words
from tagsmith.schemes import SCHEMES, is_legal
from tests.support.handmade import lexicon_model


def test_added_words_change_no_prediction():
    model = lexicon_model()
    larger = with_words(model, 5_000)
    assert len(larger.alphabets.words) == len(larger.weights["words.vectors"]) == 5_000
    assert larger.alphabets.words.strings[: len(model.alphabets.words)] == model.alphabets.words.strings
    text = "Mira Okafor sings in New South Wales ."
    assert Tagger(larger).tag(text) == Tagger(model).tag(text)


def test_only_untrained_words_are_removed():
    words = {f"w{number}": "O" for number in range(50)}
    model = lexicon_model(words)
    trained = model.alphabets.trained
    larger = with_words(model, 80)
    smaller = with_words(larger, 70)
    assert smaller.alphabets.words.strings == larger.alphabets.words.strings[:70]
    assert np.array_equal(smaller.weights["words.vectors"], larger.weights["words.vectors"][:70])
    assert len(with_words(larger, 3).alphabets.words) == trained


def test_a_model_with_more_labels_tags_legally():
    model = with_labels(lexicon_model(), 9)
    assert len(model.tags) == 1 + 4 * 9
    assert np.isfinite(model.weights["head.weight"]).all()
    tags = Tagger(model).tag("Jay is from India .").tags
    assert len(tags) == 5
    assert is_legal(SCHEMES["IOB2"], tags)
