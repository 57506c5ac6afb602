from __future__ import annotations

import json
from pathlib import Path

import pytest

from tagsmith.bench import suite
from tagsmith.bench.measurements import MeasurementRefused
from tagsmith.bench.rivals import TAGGERS
from tagsmith.cli import bench
from tests.support.handmade import DEMO
from tests.support.shell import Result, real, run

CORPUS = ["--train", DEMO / "train.conll", "--dev", DEMO / "dev.conll", "--test", DEMO / "test.conll"]


def measure(tmp_path: Path, *words: object) -> Result:
    return run("bench", "--rivals", tmp_path / "rivals", "--out", tmp_path / "out", "--repeats", 1, *words)


def test_figures_with_verdicts_and_rivals_that_are_missing(tmp_path: Path, tiny_model_path: Path):
    names = ["--only", "tagging", "--only", "latency", "--only", "install", "--only", "roofline"]
    result = measure(tmp_path, "--model", tiny_model_path, *names)
    assert result.code == 0
    lines = result.out.splitlines()
    assert lines[0].split() == ["figure", "measured", "target", "verdict", "how"]
    assert any(line.startswith("one sentence of 15 tokens, warm, fp32 ") for line in lines)
    command = f"python benchmarks/make_rivals.py {tmp_path / 'rivals'} spacy"
    assert f"not measured  not installed; make its environment with: {command}" in result.out
    written = json.loads((tmp_path / "out" / "bench.json").read_text())
    assert list(written) == ["date", "machine", "data", "repeats", "figures", "entrants", "curves"]
    assert (written["data"]["sentences"], written["data"]["tokens"], written["repeats"]) == (96, 1465, 1)
    figures = {figure["name"]: figure for figure in written["figures"]}
    assert figures["tagging, batched"]["value"] > 0
    assert figures["tagging: ratio to the faster spaCy"]["verdict"] == "not measured"
    assert figures["base install"]["verdict"] == "met"
    ours, *others = written["entrants"]
    assert ours["name"] == "tagsmith"
    assert ours["f1"] > 0
    assert ours["tokens_per_second"] == figures["tagging, batched"]["value"]
    rivals = [other for other in others if other["name"] != "tagsmith, int8"]
    assert [rival["name"] for rival in rivals] == list(TAGGERS)
    assert all(rival["failed"].startswith("not installed") for rival in rivals)
    assert (tmp_path / "out" / "bench.png").read_bytes().startswith(b"\x89PNG")


def test_a_failed_check_refuses_its_figure_and_the_others_go_on(
    tmp_path: Path, tiny_model_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def fail(spans: object, others: object) -> None:
        raise MeasurementRefused("9 of 77 sentences got other spans")

    monkeypatch.setattr("tagsmith.bench.tagging_speed.check_same", fail)
    result = measure(tmp_path, "--model", tiny_model_path, "--only", "latency", "--only", "install")
    assert result.code == 1
    refused, install = json.loads((tmp_path / "out" / "bench.json").read_text())["figures"]
    assert (refused["value"], refused["verdict"], refused["note"]) == (
        None,
        "refused",
        "9 of 77 sentences got other spans",
    )
    assert install["verdict"] == "met"


def test_without_a_model_one_is_trained_and_kept(tmp_path: Path):
    small = ["--set", "encoder.size=8", "--set", "training.epochs=1", "--only", "install"]
    result = measure(tmp_path, *small)
    assert result.code == 0
    assert "training a model" in result.err
    (model,) = (tmp_path / "out" / "work").glob("model-*.safetensors")
    before = model.stat().st_mtime_ns
    assert "training a model" not in measure(tmp_path, *small).err
    assert model.stat().st_mtime_ns == before
    assert "training a model" in measure(tmp_path, *small, "--set", "encoder.size=9").err


def test_every_measurement_can_be_named():
    assert list(suite.MEASUREMENTS) == list(bench._NAMES)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--train", "x"], "a corpus is --train, --dev and --test: give all three, or none"),
        ([*CORPUS[:4], "--test", "nowhere.conll"], "nowhere.conll: found no such file"),
        (["--model", "nowhere"], "nowhere: found no such file"),
    ],
)
def test_bad_input_ends_in_one_line(tmp_path: Path, words: list[object], message: str):
    result = measure(tmp_path, *words)
    assert result.code == 1
    assert message in result.err
    assert len(result.err.splitlines()) == 1


def test_help_needs_neither_torch_nor_the_benchmark(tmp_path: Path):
    result = real("bench", "--help", env={"PYTHONPROFILEIMPORTTIME": "1"})
    assert result.code == 0
    assert not any(name in result.err for name in ("torch", "tagsmith.bench", "matplotlib"))
