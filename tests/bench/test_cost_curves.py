"""The curves of what tagging costs, at small sizes."""

from __future__ import annotations

import pytest

from tagsmith.bench import cost_curves
from tagsmith.bench.measurements import MeasurementRefused
from tagsmith.bench.setting import BenchSetting, Findings


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = {
        "LENGTHS": (5, 10),
        "CALLS": (1, 4, 1000),
        "LABELS": (1, 2),
        "WORDS": (3_000,),
        "TOKENS": 100,
        "REPEATS": 1,
    }
    for name, value in sizes.items():
        monkeypatch.setattr(cost_curves, name, value)


def test_every_curve_has_its_points(setting: BenchSetting):
    findings = Findings()
    cost_curves.curves(setting, findings)
    points = {name: [point["x"] for point in curve] for name, curve in findings.curves.items()}
    words = max(3_000, setting.tagger.model.alphabets.trained)
    assert points == {
        "tokens in a sentence": [5, 10],
        "sentences in a call": [1, 4],
        "tags": [5, 9],
        "words in the table": [words],
    }
    assert all(point["tokens_per_second"] > 0 for curve in findings.curves.values() for point in curve)
    assert findings.curves["words in the table"][0]["cold_start_seconds"] > 0


def test_other_spans_in_smaller_calls_are_refused(setting: BenchSetting, monkeypatch: pytest.MonkeyPatch):
    def refuse(spans: object, others: object) -> None:
        raise MeasurementRefused("other spans")

    monkeypatch.setattr(cost_curves, "check_same", refuse)
    with pytest.raises(MeasurementRefused, match=r"^other spans$"):
        cost_curves.curves(setting, Findings())
