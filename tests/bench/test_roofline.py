"""The operations that tagging needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tagsmith import Tagger
from tagsmith.bench import roofline
from tagsmith.bench.measurements import MeasurementRefused
from tagsmith.bench.setting import BenchSetting, Findings
from tagsmith.bench.workers import Timing


def test_they_are_those_of_its_matrix_products(tiny_model_path: Path):
    model = Tagger.load(tiny_model_path).model  # a state of 16, words of 12, spellings of 8 from 8 x 3
    recurrence, head = 2 * 2 * 16 * 64, 2 * 32 * len(model.tags)
    assert roofline.needed_operations(model, 1, 0) == recurrence + head
    assert roofline.needed_operations(model, 0, 1) == 2 * 2 * 20 * 64 + 2 * 6 * 8 * 3 * 8


def test_shares_are_of_the_rate_of_matrix_products(setting: BenchSetting, monkeypatch: pytest.MonkeyPatch):
    products = Timing(0.0, {}, [roofline.CALLS * 2 * roofline.SIZE**3 / 100e9])
    recurrence = Timing(0.0, {}, [2 * 2 * 4 * roofline.STATE**2 * setting.tokens / 80e9])
    timings = {"products": products, "recurrence": recurrence, "tagging": Timing({"tags": setting.tokens}, {}, [1.0])}
    monkeypatch.setattr(roofline, "race_all", lambda entrants, repeats: timings)
    findings = Findings()
    roofline.rates(setting, findings)
    rate, share, _ = findings.measurements
    assert (rate.value, share.value) == (pytest.approx(100), pytest.approx(80))
    products.output = 1.0
    with pytest.raises(MeasurementRefused, match=r"^a wrong product"):
        roofline.rates(setting, Findings())
