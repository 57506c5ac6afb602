"""The engines compared with each other, and which of them runs where and in which precision."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numba.core import config

from tagsmith import Tagger, extras, formats, store
from tagsmith.engine import Engine, check_device, make_engine
from tagsmith.engine.compiled import NumbaEngine
from tagsmith.engine.on_torch import TorchEngine
from tagsmith.engine.plain import NumpyEngine
from tagsmith.errors import ConfigError, MissingExtra
from tagsmith.ops.chain.types import Chain
from tagsmith.ops.recurrence import int8
from tagsmith.store import Model
from tests.support.chains import best_path, marginals_of
from tests.support.engines import ODD
from tests.support.handmade import DEMO, lexicon_model, random_model
from tests.support.recipes import RECIPES

MODEL = random_model(4, scale=0.5)
WORDS = [f"word{i}" for i in range(30)]
LONG = [WORDS[i] for i in np.random.default_rng(0).integers(0, len(WORDS), 4_999)] + ["unheard-of"]


def engines(model: Model) -> list[Engine]:
    return [NumpyEngine(model), NumbaEngine(model), TorchEngine(model, "cpu")]


def assert_same(model: Model, sentences: Sequence[Sequence[str]]) -> None:
    """Check that all engines give one chain to 1e-4, one path, and one set of marginals."""
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
def test_vectors_in_half_precision_give_one_result_in_all_engines(recipe: dict[str, Any]):
    model = store.with_half_vectors(random_model(0, settings=recipe))
    assert_same(model, [["word1", "unheard"], ["Word2"], [*ODD[0], "word3"]])


@pytest.mark.parametrize("constraints", ["scheme", "none"])
@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_all_engines_give_the_same_for_every_kind_of_model(recipe: dict[str, Any], constraints: str) -> None:
    made = random_model(1, settings={**recipe, "decode.constraints": constraints}, scale=0.5)
    assert_same(made, [WORDS[:7], ["x"], *ODD, WORDS[3:30], WORDS[20:]])


def test_all_engines_give_the_same_over_a_corpus_of_known_and_unknown_words() -> None:
    sentences = [list(s.tokens) for s in formats.read(DEMO / "test.conll")]
    assert_same(lexicon_model(), [*sentences, *ODD])


def test_all_engines_tag_a_single_token_and_a_very_long_sentence() -> None:
    assert_same(MODEL, [["Mira"]])
    assert_same(MODEL, [["Mira"], LONG, ["in", "Nigeria"]])


# Devices


def test_a_cpu_runs_compiled_kernels_unless_asked_for_others() -> None:
    assert isinstance(make_engine(MODEL), NumbaEngine)
    assert isinstance(make_engine(MODEL, "cpu"), NumbaEngine)
    assert isinstance(make_engine(MODEL, "cpu", compiled=False), NumpyEngine)


def test_another_device_runs_pytorch() -> None:
    engine = make_engine(MODEL, "cpu:0")
    assert isinstance(engine, TorchEngine)
    batch = MODEL.alphabets.batch(ODD)
    assert best_path(engine, batch).tolist() == best_path(NumpyEngine(MODEL), batch).tolist()


@pytest.mark.parametrize("device", ["abacus", "cuda"])
def test_a_device_that_does_not_exist_is_an_error(device: str) -> None:
    if device == "cuda" and torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(ConfigError, match=f"^device '{device}': "):
        make_engine(MODEL, device)


@pytest.mark.parametrize("device", ["gpu", "CUDA", "cuda:x", "cpu:0:1", ""])
def test_a_device_of_another_name_is_an_error(device: str) -> None:
    check_device("cuda:12")
    with pytest.raises(ConfigError, match=rf"^device '{device}': expected cpu, cuda, or cuda:0 and so on$"):
        check_device(device)


def test_another_device_without_pytorch_is_an_error_that_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda _name: None)
    assert isinstance(make_engine(MODEL, "cpu"), NumbaEngine)
    with pytest.raises(MissingExtra, match=r"PyTorch is not installed; .*tagsmith\[train\]"):
        make_engine(MODEL, "cuda")


def test_tagging_on_a_cpu_never_imports_pytorch(tmp_path: Path) -> None:
    store.save(lexicon_model(), tmp_path / "model.safetensors")
    script = (
        "import sys; from tagsmith import Tagger; "
        f"print(*Tagger.load({str(tmp_path / 'model.safetensors')!r}).tag('Mira Okafor left Nigeria.').tags); "
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
def test_a_gpu_gives_the_tags_of_the_numpy_engine(recipe: str | None, kind: str) -> None:
    model = MODEL if recipe is None else random_model(5, settings=RECIPES[recipe], scale=0.5)
    engine, plain = make_engine(model, "cuda"), NumpyEngine(model)
    assert type(engine).__name__ == kind
    if isinstance(engine, TorchEngine):
        assert {parameter.device.type for parameter in engine.network.parameters()} == {"cuda"}
    sentences = [*ODD, LONG[:500]]
    mine, theirs = engine.read(sentences), plain.read(sentences)
    np.testing.assert_allclose(engine.chain(mine).emissions, plain.chain(theirs).emissions, rtol=0, atol=1e-3)
    np.testing.assert_allclose(marginals_of(engine, mine), marginals_of(plain, theirs), rtol=0, atol=1e-3)
    assert best_path(engine, mine).tolist() == best_path(plain, theirs).tolist()


# Precisions


def check(difference: float) -> store.Int8Check:
    return store.Int8Check(dev_score_fp32=90.0, dev_score_int8=90.0 + difference, dev_sentences=10, dev_tokens=100)


@pytest.fixture
def able(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the processor, int8 counts as runnable: these tests make engines and run none."""
    monkeypatch.setattr(int8, "can_run", lambda: True)


@pytest.mark.usefixtures("able")
@pytest.mark.parametrize(("difference", "chosen"), [(None, "fp32"), (0.0, "int8"), (-0.04, "int8"), (-0.06, "fp32")])
def test_auto_is_int8_where_dev_was_measured_to_score_the_same(difference: float | None, chosen: str) -> None:
    model = dataclasses.replace(random_model(1), int8=None if difference is None else check(difference))
    assert make_engine(model).precision == chosen
    assert make_engine(model, precision="auto").precision == chosen
    assert make_engine(model, precision="fp32").precision == "fp32"
    assert make_engine(model, precision="int8").precision == "int8"
    assert make_engine(model, compiled=False).precision == "fp32"
    assert make_engine(model, "cpu:0").precision == "fp32"  # PyTorch's


@pytest.mark.usefixtures("able")
def test_auto_is_fp32_for_an_encoder_that_is_no_lstm() -> None:
    model = dataclasses.replace(random_model(1, settings={"encoder.kind": "rnn"}), int8=check(0.0))
    assert make_engine(model).precision == "fp32"


def test_a_processor_without_the_instructions_has_fp32_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "CPU_FEATURES", "+avx512f")
    model = dataclasses.replace(random_model(1), int8=check(0.0))
    assert make_engine(model).precision == "fp32"
    with pytest.raises(ConfigError, match=r"^precision 'int8': found a processor without .*; expected .*AVX-512 VNNI$"):
        make_engine(model, precision="int8")


@pytest.mark.usefixtures("able")
@pytest.mark.parametrize(
    ("settings", "arguments", "message"),
    [
        ({}, {"precision": "int4"}, r"^precision 'int4': expected one of: auto, fp32, int8$"),
        ({}, {"precision": "int8", "device": "cuda"}, r"^precision 'int8': found device 'cuda'; expected cpu$"),
        ({}, {"precision": "int8", "compiled": False}, r"^precision 'int8': found compiled=False; expected "),
        ({"encoder.kind": "rnn"}, {"precision": "int8"}, r"^precision 'int8': found .*kind=rnn; expected lstm$"),
    ],
)
def test_a_precision_that_cannot_be_had_is_an_error(settings: dict, arguments: dict, message: str) -> None:
    model = random_model(1, settings=settings)
    with pytest.raises(ConfigError, match=message):
        make_engine(model, **arguments)
    with pytest.raises(ConfigError, match=message):
        Tagger(model, **arguments)


@pytest.mark.skipif(not int8.can_run(), reason="needs a processor with AVX-512 VNNI")
def test_a_taggers_check_holds_what_dev_scores_at_both_precisions(tiny_model_path: Path) -> None:
    trained = Tagger.load(tiny_model_path)
    tagger = Tagger(dataclasses.replace(trained.model, int8=None))
    dev = list(formats.read(DEMO / "dev.conll"))
    checked = tagger.check_int8(DEMO / "dev.conll")
    fp32, int8_ = (Tagger(tagger.model, precision=precision).evaluate(dev).f1 for precision in ("fp32", "int8"))
    assert checked.model.int8 is not None
    assert checked.model.int8 == store.Int8Check(
        dev_score_fp32=fp32, dev_score_int8=int8_, dev_sentences=96, dev_tokens=sum(map(len, dev))
    )
    assert dataclasses.replace(checked.model, int8=None) == tagger.model
    assert tagger.precision == "fp32"
    assert checked.precision == ("int8" if checked.model.int8.passed else "fp32")
    assert trained.model == checked.model  # a training with dev ends in the same check
