"""Every combination of spelling, encoder and head trains, learns, and goes through its model file to both engines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tagsmith import Sentence, Tagger, store
from tagsmith.engine.on_torch import TorchEngine
from tests.support.chains import best_path, marginals_of
from tests.support.handmade import same
from tests.support.recipes import RECIPES

SENTENCES = [
    Sentence(["Ann", "saw", "New", "York"], ["B-PER", "O", "B-LOC", "I-LOC"]),
    Sentence(["Bob", "slept"], ["B-PER", "O"]),
    Sentence(["It", "rains", "in", "Bonn", "."], ["O", "O", "O", "B-LOC", "O"]),
    Sentence(["Carl"], ["B-PER"]),
]
QUICK = {
    **{"training.learning_rate": 0.1, "training.batch_size": 2, "training.epochs": 12},
    **{"encoder.dropout_in": 0.2, "encoder.dropout_out": 0.2},
}


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_it_learns_and_its_model_file_tags_alike_in_both_engines(recipe: dict[str, Any], tmp_path: Path) -> None:
    tagger = Tagger.train(SENTENCES, settings={**recipe, **QUICK}, progress=False)
    losses = [epoch.loss for epoch in tagger.history]
    assert min(losses[-3:]) < 0.8 * losses[0]
    tagger.save(tmp_path / "m")
    loaded = Tagger.load(tmp_path / "m")
    assert same(loaded.model, tagger.model)
    assert store.shapes(loaded.model.config, loaded.model.alphabets, len(loaded.model.tags)) == {
        name: weight.shape for name, weight in loaded.model.weights.items()
    }
    tokens = [sentence.tokens for sentence in SENTENCES] + [("Zoë", "slept", "here")]
    ours, other = loaded._engine, TorchEngine(loaded.model, "cpu")
    assert best_path(ours, ours.read(tokens)).tolist() == best_path(other, other.read(tokens)).tolist()
    np.testing.assert_allclose(
        marginals_of(ours, ours.read(tokens)), marginals_of(other, other.read(tokens)), atol=1e-4
    )


@pytest.mark.parametrize("recipe", ["char lstm, three rnns, bigram", "no chars, two lstms, softmax"])
def test_the_same_seed_gives_the_same_model(recipe: str) -> None:
    one, other = (Tagger.train(SENTENCES, settings={**RECIPES[recipe], **QUICK}, progress=False) for _ in range(2))
    assert same(one.model, other.model)


@pytest.mark.parametrize("constraints", ["scheme", "none"])
def test_the_best_epoch_is_chosen_under_the_models_own_constraints(constraints: str, tmp_path: Path) -> None:
    data = [Sentence(s.tokens[::-1], ["B-PER" if tag == "O" else "O" for tag in s.tags or ()]) for s in SENTENCES]
    settings = {**RECIPES["no chars, rnn, softmax"], **QUICK, "decode.constraints": constraints, "training.epochs": 3}
    tagger = Tagger.train(SENTENCES, SENTENCES + data, settings=settings, progress=False, out=tmp_path / "m")
    dev = max((epoch.dev for epoch in tagger.history if epoch.dev), key=lambda scores: scores.f1)
    found = {
        other: Tagger.load(tmp_path / "m", constraints=other).evaluate(SENTENCES + data) for other in ("scheme", "none")
    }
    assert found["scheme"].overall != found["none"].overall
    assert dev.overall == found[constraints].overall == tagger.evaluate(SENTENCES + data).overall
