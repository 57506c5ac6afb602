"""All measurements, one after another."""

from __future__ import annotations

import pytest

from tagsmith.bench import suite
from tagsmith.bench.measurements import Measurement, MeasurementRefused, MissingRival
from tagsmith.bench.setting import BenchSetting, Findings
from tagsmith.errors import MissingExtra


def test_one_that_fails_leaves_its_reason_and_the_others_run(
    setting: BenchSetting, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def fail(error: Exception):
        def measurement(setting: BenchSetting, findings: Findings) -> None:
            raise error

        return measurement

    measurements = {
        "refused": fail(MeasurementRefused("wrong")),
        "missing": fail(MissingRival("one core")),
        "extra": fail(MissingExtra("PyTorch", "train")),
        "works": lambda setting, findings: findings.add(Measurement("works", "s", 1.0)),
        "not asked for": fail(AssertionError()),
    }
    monkeypatch.setattr(suite, "MEASUREMENTS", measurements)
    findings = suite.measure(setting, ["refused", "missing", "extra", "works"])
    verdicts = [(one.name, one.verdict) for one in findings.measurements]
    assert verdicts == [("refused", "refused"), ("missing", "not measured"), ("extra", "not measured"), ("works", "")]
    assert capsys.readouterr().err.splitlines()[0] == "measuring refused ..."
