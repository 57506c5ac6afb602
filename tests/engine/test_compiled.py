"""The engine for CPUs: the same bits in any batch, memory that is written before it is read, and int8 near float32."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import pytest

from tagsmith.engine.compiled import NumbaEngine
from tagsmith.ops.recurrence import int8
from tests.support.chains import best_path, marginals_of
from tests.support.engines import ODD, dirty_arrays, together_and_alone
from tests.support.handmade import random_model
from tests.support.recipes import RECIPES

__all__ = ["dirty_arrays"]  # a fixture
compiled = pytest.mark.skipif(not int8.can_run(), reason="needs a processor with AVX-512 VNNI")
MIXED = ["cnn, lstm, shared", "char lstm, three rnns, bigram", "no chars, two lstms, softmax", "cnn, gru, shared"]


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_a_sentence_has_the_same_bits_in_any_batch_in_any_order(
    recipe: dict[str, Any],
) -> None:
    made = random_model(2, settings=recipe, scale=0.5)
    engine = NumbaEngine(made)
    for emissions, alone in together_and_alone(lambda batch: engine.chain(batch).emissions, engine):
        assert np.array_equal(emissions, alone)
    for sentence in ODD:  # nor do words seen before matter
        new = NumbaEngine(made)
        assert np.array_equal(
            new.chain(new.read([sentence])).emissions, engine.chain(engine.read([sentence])).emissions
        )


@pytest.mark.parametrize("recipe", MIXED)
def test_no_memory_is_read_before_it_is_written(recipe: str, request: pytest.FixtureRequest) -> None:
    model = random_model(3, settings=RECIPES[recipe])
    engine = NumbaEngine(model)
    marginals, path = marginals_of(engine, engine.read(ODD)), best_path(engine, engine.read(ODD))
    made: list[str] = request.getfixturevalue("dirty_arrays")
    engine = NumbaEngine(model)
    assert np.array_equal(marginals_of(engine, engine.read(ODD)), marginals)
    assert np.array_equal(best_path(engine, engine.read(ODD)), path)
    assert "empty" in made


def test_an_engine_leaves_memory_with_its_last_user() -> None:
    """Training makes one after every epoch, and each holds all word vectors."""
    engine = NumbaEngine(random_model(0))
    best_path(engine, engine.read(ODD))
    gone = weakref.ref(engine)
    gc.disable()
    try:
        del engine
        assert gone() is None
    finally:
        gc.enable()


@compiled
@pytest.mark.parametrize("settings", [{}, {"encoder.layers": 2}, {"chars.kind": "lstm", "chars.size": 3}])
def test_int8_gives_emissions_near_those_of_fp32_and_not_the_same(settings: dict) -> None:
    model = random_model(3, settings={"chars.dim": 2, **settings}, scale=0.3)
    sentences = [[f"word{i}" for i in range(30)], ["x", "word3"], ["unknown"]]
    engines = [NumbaEngine(model, precision) for precision in ("fp32", "int8")]
    ours, theirs = (engine.chain(engine.read(sentences)).emissions for engine in engines)
    assert 0 < np.abs(ours - theirs).max() < 0.02
    if not settings:  # a word alone has no state product
        np.testing.assert_allclose(theirs[-1], ours[-1], rtol=0, atol=1e-4)


@compiled
def test_in_int8_a_sentence_gets_the_same_bits_alone_and_in_any_batch() -> None:
    engine = NumbaEngine(random_model(3, settings={"encoder.layers": 2}), "int8")
    sentences = [[f"word{i}" for i in range(start, 30)] for start in (0, 7, 7, 20, 22, 24, 26, 29)]
    for order in (sentences, sentences[::-1]):
        together = engine.chain(engine.read(order)).emissions
        ends = np.cumsum([len(sentence) for sentence in order])[:-1]
        for rows, sentence in zip(np.split(together, ends), order, strict=True):
            assert rows.tobytes() == engine.chain(engine.read([sentence])).emissions.tobytes()
