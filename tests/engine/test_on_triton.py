"""The engine for GPUs, compared with the plain one: chains, tags, probabilities, words seen before and new ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tagsmith.engine import Engine, make_engine
from tagsmith.engine.decoding import DecodeOptions
from tagsmith.engine.on_torch import TorchEngine
from tagsmith.engine.plain import NumpyEngine
from tagsmith.ops.chain.types import Chain
from tagsmith.store import Model
from tagsmith.tagging import tag_sentences
from tests.support.handmade import random_model
from tests.support.recipes import RECIPES

pytest.importorskip("triton", reason="there is no Triton for this system")
from tagsmith.engine import on_triton
from tagsmith.engine.on_triton import DeviceChain, TritonEngine

SENTENCES = [
    ["word1", "2025", "Word1", "never-seen"],
    ["x"],
    ["日本", "word2", "1984"],
    ["word2", "x", "word1", "x", "y"],
]
SOME = ["cnn, lstm, shared", "tanh cnn, two lstms, bigram", "no chars, lstm, softmax"]


def model_of(recipe: str) -> Model:
    return random_model(5, settings=RECIPES[recipe], scale=0.5)


@pytest.mark.parametrize("recipe", SOME)
def test_chains_and_tags_are_the_plain_engines(recipe: str, device: str) -> None:
    model = model_of(recipe)
    engine, plain = TritonEngine(model, device), NumpyEngine(model)
    found, expected = engine.chain(engine.read(SENTENCES)), plain.chain(plain.read(SENTENCES))
    assert isinstance(found, DeviceChain)
    for mine, theirs in zip(found, expected, strict=True):
        rows = slice(1, None) if theirs.ndim == 3 else slice(None)  # nothing comes to a first word
        np.testing.assert_allclose(mine[rows], theirs[rows], atol=1e-4)
    for part, name in zip(found, Chain._fields, strict=True):
        np.testing.assert_array_equal(part, getattr(found, name))
    assert tag_sentences(SENTENCES, engine, model.tags) == tag_sentences(SENTENCES, plain, model.tags)


def test_the_best_path_is_found_on_the_device(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_of(SOME[0])
    engine, plain = TritonEngine(model, device), NumpyEngine(model)
    batch = engine.read(SENTENCES)
    chain = engine.chain(batch)

    def fetched(_: Any) -> Any:
        raise AssertionError("the chain was copied to the host")

    monkeypatch.setattr(DeviceChain, "host", property(fetched))
    found = engine.decoder.answer(chain, batch.lengths, DecodeOptions())
    read = plain.read(SENTENCES)
    assert found.path.tolist() == plain.decoder.viterbi(plain.chain(read), read.lengths).tolist()


def test_probabilities_and_best_sequences_are_the_plain_engines(device: str) -> None:
    model = model_of(SOME[0])
    wanted = DecodeOptions(probabilities=True, marginals=True, best=3)
    results = []
    engines: list[Engine] = [TritonEngine(model, device), NumpyEngine(model)]
    for engine in engines:
        batch = engine.read(SENTENCES)
        results.append(engine.decoder.answer(engine.chain(batch), batch.lengths, wanted))
    mine, theirs = results
    assert mine.path.tolist() == theirs.path.tolist()
    assert mine.marginals is not None
    assert theirs.marginals is not None
    assert mine.posteriors
    assert theirs.posteriors
    np.testing.assert_allclose(mine.marginals, theirs.marginals, atol=1e-4)
    np.testing.assert_allclose(mine.posteriors.tokens, theirs.posteriors.tokens, atol=1e-4)
    for (paths, _), (others, _) in zip(mine.best or [], theirs.best or [], strict=True):
        assert paths.tolist() == others.tolist()


def test_a_word_is_the_same_in_every_table(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_of(SOME[0])
    monkeypatch.setattr(on_triton, "_PRODUCTS", 4 * 8 * model.config.encoder.size * 4)  # four words
    engine = TritonEngine(model, device)
    first, before = engine.read(SENTENCES[:1]), engine.read(SENTENCES[2:3])
    again = engine.read(SENTENCES[:1])
    assert first.products is not again.products
    old, new = (engine.chain(batch).emissions for batch in (first, again))
    np.testing.assert_allclose(old, new, atol=1e-6)
    assert len(engine.chain(before).emissions) == 3


def test_which_engine_runs_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    monkeypatch.setattr(TritonEngine, "__init__", lambda self, model, device: made.append(device))
    assert isinstance(make_engine(model_of(SOME[0]), "cuda"), TritonEngine)
    assert made == ["cuda"]
    monkeypatch.setattr(TorchEngine, "__init__", lambda self, model, device: made.append(f"PyTorch {device}"))
    assert isinstance(make_engine(model_of("cnn, rnn, shared"), "cuda"), TorchEngine)
    assert made[1:] == ["PyTorch cuda"]
