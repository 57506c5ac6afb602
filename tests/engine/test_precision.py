"""Which precision an engine computes in, and how near int8 comes to float32."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from numba.core import config

from tagsmith import Tagger, formats, store
from tagsmith.engine import make_engine
from tagsmith.engine.compiled import NumbaEngine
from tagsmith.errors import ConfigError
from tagsmith.ops.recurrence import int8
from tests.support.handmade import DEMO, random_model

compiled = pytest.mark.skipif(not int8.can_run(), reason="needs a processor with AVX-512 VNNI")


def check(difference: float) -> store.Int8Check:
    return store.Int8Check(dev_score_fp32=90.0, dev_score_int8=90.0 + difference, dev_sentences=10, dev_tokens=100)


@pytest.fixture
def able(monkeypatch: pytest.MonkeyPatch) -> None:
    """A processor that has the instructions, or none: these tests make engines and run none."""
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


@compiled
@pytest.mark.parametrize("settings", [{}, {"encoder.layers": 2}, {"chars.kind": "lstm", "chars.size": 3}])
def test_int8_gives_emissions_near_those_of_fp32_and_not_the_same(settings: dict) -> None:
    model = random_model(3, settings={"chars.dim": 2, **settings}, scale=0.3)
    sentences = [[f"word{i}" for i in range(30)], ["x", "word3"], ["unknown"]]
    engines = [NumbaEngine(model, precision) for precision in ("fp32", "int8")]
    ours, theirs = (engine.chain(engine.read(sentences)).emissions for engine in engines)
    assert 0 < np.abs(ours - theirs).max() < 0.02
    if not settings:  # a word alone meets no state product
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


@compiled
def test_a_taggers_check_holds_what_dev_scores_at_both_precisions(tiny_model_path: store.os.PathLike[str]) -> None:
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
