from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from tagsmith import store
from tests.support.handmade import lexicon_model
from tests.support.shell import run

DEV = "Jay B-PER\nsaw O\nIndia B-LOC\n\nMira B-PER\nOkafor I-PER\nslept O\n\nRaj O\nJay B-LOC\n\n" * 8


@pytest.fixture
def model(tmp_path: Path) -> Path:
    known = lexicon_model()
    weights = {**known.weights, "head.weight": known.weights["head.weight"] / np.float32(2)}
    store.save(dataclasses.replace(known, weights=weights), tmp_path / "m.safetensors")
    return tmp_path / "m.safetensors"


@pytest.fixture
def dev(tmp_path: Path) -> Path:
    (tmp_path / "dev.conll").write_text(DEV)
    return tmp_path / "dev.conll"


def test_the_temperature_and_the_figures_are_printed_and_kept(model: Path, dev: Path):
    before = store.load(model)
    result = run("calibrate", model, dev)
    assert (result.code, result.err) == (0, f"wrote {model}\n")
    after = store.load(model)
    found, temperature = after.calibration, after.config.decode.temperature
    assert found is not None
    assert temperature > 1.5
    assert found.ece_after < found.ece_before
    assert result.out.splitlines() == [
        f"24 sentences, 32 predicted spans; temperature {temperature:.3f}",
        f"before  ECE {found.ece_before:.4f}  Brier {found.brier_before:.4f}",
        f"after   ECE {found.ece_after:.4f}  Brier {found.brier_after:.4f}  (cross-fitted)",
    ]
    assert {name: weight.tobytes() for name, weight in after.weights.items()} == {
        name: weight.tobytes() for name, weight in before.weights.items()
    }
    assert "calibration.ece_after" in run("info", model).out


def test_out_leaves_the_model_as_it_was(model: Path, dev: Path, tmp_path: Path):
    content = model.read_bytes()
    assert run("calibrate", model, dev, "--out", tmp_path / "c").code == 0
    assert model.read_bytes() == content
    assert store.load(tmp_path / "c").calibration is not None


def test_what_can_not_be_fitted_leaves_the_model_as_it_was(model: Path, dev: Path, tmp_path: Path):
    content = model.read_bytes()
    (tmp_path / "right.conll").write_text("Jay B-PER\n")
    result = run("calibrate", model, tmp_path / "right.conll")
    assert (result.code, result.out) == (1, "")
    assert result.err == (
        f"error: {tmp_path}/right.conll: found only right predictions (1); "
        "expected both right and wrong ones, to measure confidence\n"
    )
    assert "a file that is also read" in run("calibrate", model, dev, "--out", dev).err
    assert model.read_bytes() == content


def test_evaluate_measures_before_and_after(model: Path, dev: Path, tmp_path: Path):
    scores = run("evaluate", model, dev).out
    run("calibrate", model, dev)
    (tmp_path / "other.conll").write_text(DEV + "Jay B-PER\n")
    temperature = store.load(model).config.decode.temperature
    for file, after in ((dev, "fitted on the other folds"), (tmp_path / "other.conll", f"{temperature:.4g}: ECE")):
        result = run("evaluate", model, file, "--calibration")
        assert (result.code, result.err) == (0, "")
        lines = result.out.splitlines()
        at = lines.index(f"confidence of {33 - (file == dev)} predicted spans")
        assert lines[at + 2].startswith("temperature 1: ECE 0.")
        assert any(line.startswith(f"temperature {after}") for line in lines[at:])
    assert run("evaluate", model, dev, "--calibration").out.startswith(scores)
    found = json.loads(run("evaluate", model, dev, "--calibration", "--json").out)["calibration"]
    kept = store.load(model).calibration
    assert kept is not None
    assert (found["of"], found["cross_fitted"]) == ("spans", True)
    assert (found["before"]["ece"], found["after"]["ece"]) == (kept.ece_before, kept.ece_after)
    assert sum(each["answers"] for each in found["after"]["bins"]) == 32


def test_the_diagram_is_a_page_or_a_picture(model: Path, dev: Path, tmp_path: Path):
    for name in ("r.html", "r.png"):
        result = run("evaluate", model, dev, "--calibration", tmp_path / name)
        assert (result.code, result.err) == (0, f"wrote {tmp_path / name}\n")
    page = (tmp_path / "r.html").read_text()
    assert page.count("<svg") == 2
    assert "http" not in page
    assert (tmp_path / "r.png").read_bytes().startswith(b"\x89PNG")
    assert "found a name of another ending" in run("evaluate", model, dev, "--calibration", tmp_path / "r.pdf").err
    same = run("evaluate", model, dev, "--calibration", tmp_path / "r.html", "--errors", tmp_path / "r.html")
    assert "a file that is also read" in same.err
    assert run("evaluate", "--gold", dev, "--predicted", dev, "--calibration").code == 2


def test_plain_tags_are_measured_token_by_token(tmp_path: Path):
    store.save(lexicon_model({"dog": "NOUN", "in": "ADP"}, "plain"), tmp_path / "m")
    (tmp_path / "dev.conll").write_text("dog NOUN\nin NOUN\n\n" * 5)
    assert run("calibrate", tmp_path / "m", tmp_path / "dev.conll").out.startswith("5 sentences, 10 tokens; ")
    out = run("evaluate", tmp_path / "m", tmp_path / "dev.conll", "--calibration").out
    assert "confidence of 10 tokens" in out


def test_malformed_lines_are_counted_once(model: Path, dev: Path, tmp_path: Path):
    dev.write_text(DEV + "bad\n")
    result = run("evaluate", model, dev, "--calibration", "--errors", tmp_path / "e.html", "--skip-bad")
    assert "1 malformed line skipped" in result.err


def test_a_temperature_that_does_not_help_is_a_warning(model: Path, tmp_path: Path):
    (tmp_path / "few.conll").write_text("Jay B-PER\n\n" * 9 + "Jay B-LOC\n\n")
    result = run("calibrate", model, tmp_path / "few.conll")
    assert result.code == 0
    assert result.err.splitlines()[0] == (
        "warning: cross-fitted, the probabilities did not improve; "
        "10 predicted spans may be too few to fit a temperature"
    )
