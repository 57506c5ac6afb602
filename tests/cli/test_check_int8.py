from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numba.core import config

from tagsmith import Sentence, Tagger, formats, store
from tagsmith.ops.recurrence import int8
from tests.support.handmade import lexicon_model, random_model
from tests.support.shell import run

compiled = pytest.mark.skipif(not int8.can_run(), reason="needs a processor with AVX-512 VNNI")
DEV = "Jay B-PER\nsaw O\nIndia B-LOC\n\nMira B-PER\nOkafor I-PER\nslept O\n"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    store.save(lexicon_model(), tmp_path / "m.safetensors")
    return tmp_path / "m.safetensors"


@pytest.fixture
def dev(tmp_path: Path) -> Path:
    (tmp_path / "dev.conll").write_text(DEV)
    return tmp_path / "dev.conll"


@compiled
def test_both_scores_are_printed_and_kept_in_the_model(model: Path, dev: Path):
    before = store.load(model)
    result = run("check-int8", model, dev)
    assert (result.code, result.err) == (0, f"wrote {model}\n")
    assert result.out.splitlines() == [
        "2 sentences, 6 tokens",
        "fp32  F1 100.000",
        "int8  F1 100.000  (+0.000)",
        "at most 0.05 points apart: --precision auto will use int8",
    ]
    after = store.load(model)
    assert after.int8 == store.Int8Check(dev_score_fp32=100, dev_score_int8=100, dev_sentences=2, dev_tokens=6)
    assert {name: weight.tobytes() for name, weight in after.weights.items()} == {
        name: weight.tobytes() for name, weight in before.weights.items()
    }
    assert "precision.int8.dev_score_int8" in run("info", model).out


@compiled
def test_tag_and_evaluate_take_int8_from_then_on_unless_precision_says_otherwise(model: Path, dev: Path):
    said = "scored in int8\n"
    assert run("evaluate", model, dev).err == ""
    assert run("evaluate", model, dev, "--precision", "int8").err == said
    run("check-int8", model, dev)
    assert run("evaluate", model, dev).err == said
    assert run("evaluate", model, dev, "--precision", "fp32").err == ""
    tagged = {run("tag", model, dev, "--to", "conll", "--precision", name).out for name in ("auto", "fp32", "int8")}
    assert [line.split()[-1] for line in tagged.pop().splitlines() if line] == [
        line.split()[-1] for line in DEV.splitlines() if line
    ]
    assert not tagged
    for name in ("auto", "fp32", "int8"):
        assert run("tag", model, "--text", "Jay", "--precision", name).out == "Jay : PER\n\n"


@compiled
def test_out_leaves_the_model_as_it_was(model: Path, dev: Path, tmp_path: Path):
    content = model.read_bytes()
    assert run("check-int8", model, dev, "--out", tmp_path / "q").code == 0
    assert model.read_bytes() == content
    assert store.load(tmp_path / "q").int8 is not None


@compiled
def test_a_dev_score_that_changes_is_kept_and_auto_stays_fp32(tmp_path: Path):
    model, dev = tmp_path / "m", tmp_path / "dev.conll"
    made = random_model(5, scale=0.5, settings={"encoder.size": 40, "head.kind": "softmax"})
    made.weights["head.bias"][:] = 0
    # The largest weights are of a unit whose output gate is shut: they leave the others less than a step of the 127.
    made.weights["encoder.state_weight"][:, 0] = 1_000
    made.weights["encoder.bias"][:, 2 * 40] = -1e6
    store.save(made, model)
    random = np.random.default_rng(0)
    sentences = (Sentence([f"word{i}" for i in random.integers(0, 30, 20)]) for _ in range(500))
    with dev.open("w") as file:  # what the model itself says in fp32
        formats.write((Sentence(a.tokens, a.tags) for a in Tagger.load(model).tag(sentences)), "conll", file)
    result = run("check-int8", model, dev)
    assert result.out.splitlines()[1] == "fp32  F1 100.000"
    assert result.out.splitlines()[-1] == "more than 0.05 points apart: --precision auto will use fp32"
    check = store.load(model).int8
    assert check is not None
    assert (check.dev_score_fp32, check.passed) == (100, False)
    assert check.dev_score_int8 < 99
    assert run("evaluate", model, dev).err == ""


@compiled
def test_plain_tags_are_scored_by_accuracy(tmp_path: Path):
    store.save(lexicon_model({"dog": "NOUN", "in": "ADP"}, "plain"), tmp_path / "m")
    (tmp_path / "dev.conll").write_text("dog NOUN\nin NOUN\n")
    assert run("check-int8", tmp_path / "m", tmp_path / "dev.conll").out.splitlines()[1:3] == [
        "fp32  accuracy 50.000",
        "int8  accuracy 50.000  (+0.000)",
    ]


@compiled
def test_malformed_lines_are_left_out_on_demand(model: Path, tmp_path: Path):
    (tmp_path / "dev.conll").write_text("Jay B-PER\nbad\nsaw O\n")
    assert run("check-int8", model, tmp_path / "dev.conll").code == 1
    result = run("check-int8", model, tmp_path / "dev.conll", "--skip-bad")
    assert (result.code, result.out.splitlines()[0]) == (0, "1 sentences, 2 tokens")
    assert "1 malformed line skipped" in result.err


def refused(*words: object) -> str:
    result = run("check-int8", *words)
    assert (result.code, result.out, result.err.count("\n")) == (1, "", 1)
    return result.err


def test_a_processor_without_the_instructions_is_refused(model: Path, dev: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(config, "CPU_FEATURES", "+avx2")
    content = model.read_bytes()
    assert "found a processor without it; expected one with AVX-512 VNNI" in refused(model, dev)
    assert "found a processor without it" in run("tag", model, "--text", "Jay", "--precision", "int8").err
    assert model.read_bytes() == content


@compiled
def test_other_things_it_cannot_do_are_refused(model: Path, dev: Path, tmp_path: Path):
    store.save(random_model(1, settings={"encoder.kind": "rnn"}), tmp_path / "rnn")
    content = model.read_bytes()
    assert "encoder.kind=rnn; expected lstm" in refused(tmp_path / "rnn", dev)
    assert "no such file" in refused(model, tmp_path / "none.conll")
    assert "found no folder that can be written to" in refused(model, dev, "--out", tmp_path / "none" / "m")
    (tmp_path / "empty.conll").write_text("\n")
    assert "no sentences" in refused(model, tmp_path / "empty.conll")
    assert str(dev) in refused(model, dev, "--out", dev)
    assert dev.read_text() == DEV
    assert model.read_bytes() == content
