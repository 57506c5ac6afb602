"""The results of a benchmark as text and JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tagsmith import store
from tagsmith.bench import report
from tagsmith.bench.measurements import Measurement
from tagsmith.bench.report import figure_table, render
from tagsmith.bench.rivals import Rivals
from tagsmith.bench.setting import BenchSetting, Findings
from tests.support.handmade import DEMO, lexicon_model


def test_columns_are_aligned():
    figures = [
        Measurement("tagging", "tokens/s", 49_613.2),
        Measurement("ratio", "x", 1.234, ">=", 2.5, "three against two"),
        Measurement("other", "x", None, ">=", 2.5, "not installed"),
    ]
    assert figure_table(figures) == (
        "figure          measured   target       verdict  how\n"
        "------------------------------------------------------------------\n"
        "tagging  49,613 tokens/s\n"
        "ratio             1.23 x  >= 2.50        missed  three against two\n"
        "other                  -  >= 2.50  not measured  not installed\n"
    )


def test_taggers_and_curves_are_tables():
    findings = Findings(
        entrants=[
            {
                **{"name": "tagsmith", "tokens_per_second": 90_000.0, "tokens_per_second_median": 80_000.0},
                **{"f1": 90.951, "peak_bytes": None, "version": "1", "training": "3 epochs"},
            },
            {"name": "Flair", "failed": "not installed"},
        ],
        curves={"words": [{"x": 25_000, "tokens_per_second": 87_475.0, "cold_start_seconds": 0.261}]},
    )
    assert render(findings) == (
        "tagger    tokens/s  median     F1  peak MB  notes\n"
        "---------------------------------------------------------\n"
        "tagsmith    90,000  80,000  90.95        -  1; 3 epochs\n"
        "Flair            -       -      -        -  not installed\n"
        "\n"
        "words   tokens/s  cold start\n"
        "----------------------------\n"
        "25,000    87,475  0.26 s\n"
    )


def test_json_has_the_data_and_every_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    model = tmp_path / "model.safetensors"
    store.save(lexicon_model(), model)
    paths = {split: str(DEMO / f"{split}.conll") for split in ("train", "dev", "test")}
    setting = BenchSetting(tmp_path, Rivals(tmp_path, {}), **paths, model=str(model), settings={}, repeats=5)
    findings = Findings()
    findings.add(Measurement("speed", "tokens/s", 5.0))
    assert report.write(findings, setting, tmp_path) == [tmp_path / "bench.json"]
    written = json.loads((tmp_path / "bench.json").read_text("utf-8"))
    assert (written["data"]["sentences"], written["data"]["tokens"]) == (96, 1465)
    assert written["data"]["model_bytes"] == model.stat().st_size
    assert written["figures"] == [Measurement("speed", "tokens/s", 5.0).as_dict()]
