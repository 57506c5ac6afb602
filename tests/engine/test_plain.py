"""The plain engine: the same result in any batch, and memory that is written before it is read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tagsmith.engine.plain import NumpyEngine
from tests.support.chains import best_path, marginals_of
from tests.support.engines import ODD, dirty_arrays, together_and_alone
from tests.support.handmade import LEXICON, lexicon_model, random_model
from tests.support.recipes import RECIPES

__all__ = ["dirty_arrays"]  # a fixture
MIXED = ["cnn, lstm, shared", "char lstm, three rnns, bigram", "no chars, two lstms, softmax", "cnn, gru, shared"]


def test_a_model_made_by_hand_gives_its_words_the_tags_it_was_made_for() -> None:
    model, words = lexicon_model(), ["Jay", "met", "Mira", "Okafor", "in", "New", "South", "Wales"]
    engine = NumpyEngine(model)
    path = best_path(engine, engine.read([words]))
    assert [model.tags[k] for k in path] == [LEXICON.get(word.lower(), "O") for word in words]


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_a_sentence_has_the_same_result_in_any_batch_in_any_order(recipe: dict[str, Any]) -> None:
    engine = NumpyEngine(random_model(2, settings=recipe, scale=0.5))
    for marginals, alone in together_and_alone(lambda batch: marginals_of(engine, batch), engine):
        np.testing.assert_allclose(marginals, alone, atol=1e-5)


@pytest.mark.parametrize("recipe", MIXED)
def test_no_memory_is_read_before_it_is_written(recipe: str, request: pytest.FixtureRequest) -> None:
    model = random_model(3, settings=RECIPES[recipe])
    engine = NumpyEngine(model)
    marginals, path = marginals_of(engine, engine.read(ODD)), best_path(engine, engine.read(ODD))
    made: list[str] = request.getfixturevalue("dirty_arrays")
    engine = NumpyEngine(model)
    assert np.array_equal(marginals_of(engine, engine.read(ODD)), marginals)
    assert np.array_equal(best_path(engine, engine.read(ODD)), path)
    assert "empty" in made
