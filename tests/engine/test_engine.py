"""The engines against each other, and which of them runs where."""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import tagsmith.demo
from tagsmith import extras, formats, store
from tagsmith.engine import Engine, make_engine
from tagsmith.engine.compiled import NumbaEngine
from tagsmith.engine.on_torch import TorchEngine
from tagsmith.engine.plain import NumpyEngine
from tagsmith.errors import ConfigError, MissingExtra
from tagsmith.ops.chain.types import Chain
from tagsmith.store import Model
from tests.support.chains import best_path, marginals_of
from tests.support.handmade import random_model
from tests.support.recipes import RECIPES

DEMO = Path(tagsmith.demo.__file__).parent
ODD = [["Ünknown", "日本", "🙂", "x" * 300, "1984", "B-52"], ["the"], [".", ".", "."]]


@pytest.fixture(scope="module")
def model(tiny_model_path: Path) -> Model:
    return store.load(tiny_model_path)


def long_sentence(model: Model) -> list[str]:
    """5,000 tokens, most of them words of the training data."""
    words = model.alphabets.words.strings[1:]
    return [words[i] for i in np.random.default_rng(0).integers(0, len(words), 4_999)] + ["unheard-of"]


def engines(model: Model) -> list[Engine]:
    return [NumpyEngine(model), NumbaEngine(model), TorchEngine(model, "cpu")]


def assert_same(model: Model, sentences: Sequence[Sequence[str]]) -> None:
    """All engines give one chain to 1e-4, one path, and one set of marginals."""
    lengths = np.array([len(sentence) for sentence in sentences])
    firsts = np.cumsum(lengths) - lengths
    plain, *others = engines(model)
    expected = plain.chain(plain.read(sentences))
    assert expected.emissions.shape == (lengths.sum(), len(model.tags))
    for other in others:
        batch = other.read(sentences)
        for name, ours, theirs in zip(Chain._fields, expected, other.chain(batch), strict=True):
            assert ours.dtype == theirs.dtype == np.float32, name
            if ours.ndim == 3:  # nothing comes to a first word
                ours, theirs = (np.delete(scores, firsts, 0) for scores in (ours, theirs))
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-4, err_msg=name)
        assert best_path(other, batch).tolist() == best_path(plain, plain.read(sentences)).tolist()
        np.testing.assert_allclose(
            marginals_of(other, batch),
            marginals_of(plain, plain.read(sentences)),
            rtol=0,
            atol=1e-4,
            err_msg=repr(other),
        )


@pytest.mark.parametrize("recipe", [*RECIPES.values()][::7], ids=[*RECIPES][::7])
def test_vectors_in_half_precision_give_one_answer_in_all_engines(recipe: dict[str, Any]):
    model = store.with_half_vectors(random_model(0, settings=recipe))
    assert_same(model, [["word1", "unheard"], ["Word2"], [*ODD[0], "word3"]])


@pytest.mark.parametrize("constraints", ["scheme", "none"])
@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_all_engines_give_the_same_for_every_kind_of_model(recipe: dict[str, Any], constraints: str) -> None:
    made = random_model(1, settings={**recipe, "decode.constraints": constraints}, scale=0.5)
    words = [f"word{i}" for i in range(30)]
    assert_same(made, [words[:7], ["x"], *ODD, words[3:30], words[20:]])


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_the_numpy_engine_gives_a_sentence_the_same_in_any_batch_in_any_order(recipe: dict[str, Any]) -> None:
    engine = NumpyEngine(random_model(2, settings=recipe, scale=0.5))
    for marginals, alone in together_and_alone(lambda batch: marginals_of(engine, batch), engine):
        np.testing.assert_allclose(marginals, alone, atol=1e-5)


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_the_numba_engine_gives_a_sentence_the_same_bits_in_any_batch_in_any_order(
    recipe: dict[str, Any],
) -> None:
    made = random_model(2, settings=recipe, scale=0.5)
    engine = NumbaEngine(made)
    for emissions, alone in together_and_alone(lambda batch: engine.chain(batch).emissions, engine):
        assert np.array_equal(emissions, alone)
    for sentence in ODD:  # nor does it matter which words were met before
        new = NumbaEngine(made)
        assert np.array_equal(
            new.chain(new.read([sentence])).emissions, engine.chain(engine.read([sentence])).emissions
        )


def together_and_alone(run: Callable[[Any], np.ndarray], engine: Engine) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for order in (ODD, ODD[::-1]):
        ends = np.cumsum([len(sentence) for sentence in order])[:-1]
        for rows, sentence in zip(np.split(run(engine.read(order)), ends), order, strict=True):
            yield rows, run(engine.read([sentence]))


def test_all_engines_give_the_same_emissions_and_tags(model: Model) -> None:
    sentences = [list(s.tokens) for s in formats.read(DEMO / "test.conll")]
    assert_same(model, [*sentences, *ODD])


def test_all_engines_tag_a_single_token(model: Model) -> None:
    assert_same(model, [["Mira"]])


def test_all_engines_tag_a_very_long_sentence(model: Model) -> None:
    assert_same(model, [["Mira"], long_sentence(model), ["in", "Nigeria"]])


def test_the_torch_engine_drops_nothing_out(model: Model) -> None:
    assert model.config.encoder.dropout_in > 0
    engine, batch = TorchEngine(model, "cpu"), model.alphabets.batch(ODD)
    assert np.array_equal(engine.chain(batch).emissions, engine.chain(batch).emissions)


@pytest.mark.parametrize("make", [NumpyEngine, NumbaEngine])
@pytest.mark.parametrize(
    "recipe", ["cnn, lstm, shared", "char lstm, three rnns, bigram", "no chars, two lstms, softmax"]
)
def test_no_engine_reads_anything_of_what_was_in_memory(
    recipe: str, make: Callable[[Model], Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = random_model(3, settings=RECIPES[recipe])
    engine = make(model)
    marginals, path = marginals_of(engine, engine.read(ODD)), best_path(engine, engine.read(ODD))
    made: list[str] = []

    def filled(name: str, create: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
        def dirty(*args: Any, **kwargs: Any) -> np.ndarray:
            made.append(name)
            array = create(*args, **kwargs)
            array.fill(np.nan if array.dtype.kind == "f" else 10**9)
            return array

        return dirty

    for name in ("empty", "empty_like"):
        monkeypatch.setattr(np, name, filled(name, getattr(np, name)))
    engine = make(model)
    assert np.array_equal(marginals_of(engine, engine.read(ODD)), marginals)
    assert np.array_equal(best_path(engine, engine.read(ODD)), path)
    assert "empty" in made


def test_a_cpu_runs_compiled_kernels_unless_told_otherwise(model: Model) -> None:
    assert isinstance(make_engine(model), NumbaEngine)
    assert isinstance(make_engine(model, "cpu"), NumbaEngine)
    assert isinstance(make_engine(model, "cpu", compiled=False), NumpyEngine)


def test_another_device_runs_pytorch(model: Model) -> None:
    engine = make_engine(model, "cpu:0")
    assert isinstance(engine, TorchEngine)
    batch = model.alphabets.batch(ODD)
    assert best_path(engine, batch).tolist() == best_path(NumpyEngine(model), batch).tolist()


@pytest.mark.parametrize("device", ["abacus", "cuda"])
def test_a_device_that_is_not_there_is_an_error(model: Model, device: str) -> None:
    if device == "cuda" and torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(ConfigError, match=f"^device '{device}': "):
        make_engine(model, device)


def test_another_device_without_pytorch_is_an_error_that_says_what_to_install(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda _name: None)
    assert isinstance(make_engine(model, "cpu"), NumbaEngine)
    with pytest.raises(MissingExtra, match=r"PyTorch is not installed; .*tagsmith\[train\]"):
        make_engine(model, "cuda")


def test_tagging_on_a_cpu_never_imports_pytorch(tiny_model_path: Path) -> None:
    script = (
        "import sys; from tagsmith import Tagger; "
        f"print(*Tagger.load({str(tiny_model_path)!r}).tag('Mira Okafor left Nigeria.').tags); "
        "print([name for name in ('torch', 'matplotlib') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    tags, imported = result.stdout.splitlines()
    assert len(tags.split()) == 5
    assert imported == "[]"


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch finds no NVIDIA GPU")
@pytest.mark.parametrize(
    ("recipe", "kind"),
    [
        (None, "TritonEngine"),
        ("tanh cnn, two lstms, shared", "TritonEngine"),
        ("char lstm, three rnns, bigram", "TorchEngine"),
        ("no chars, rnn, softmax", "TorchEngine"),
    ],
)
def test_a_gpu_gives_the_tags_of_the_numpy_engine(recipe: str | None, kind: str, model: Model) -> None:
    if recipe is not None:
        model = random_model(5, settings=RECIPES[recipe], scale=0.5)
    engine, plain = make_engine(model, "cuda"), NumpyEngine(model)
    assert type(engine).__name__ == kind
    if isinstance(engine, TorchEngine):
        assert {parameter.device.type for parameter in engine.network.parameters()} == {"cuda"}
    sentences = [*ODD, long_sentence(model)[:500]]
    mine, theirs = engine.read(sentences), plain.read(sentences)
    np.testing.assert_allclose(engine.chain(mine).emissions, plain.chain(theirs).emissions, rtol=0, atol=1e-3)
    np.testing.assert_allclose(marginals_of(engine, mine), marginals_of(plain, theirs), rtol=0, atol=1e-3)
    assert best_path(engine, mine).tolist() == best_path(plain, theirs).tolist()


def test_an_engine_leaves_memory_with_its_last_user(model: Model) -> None:
    """A training makes one after every epoch, and each holds all word vectors."""
    engine = NumbaEngine(model)
    best_path(engine, engine.read(ODD))
    gone = weakref.ref(engine)
    gc.disable()
    try:
        del engine
        assert gone() is None
    finally:
        gc.enable()
