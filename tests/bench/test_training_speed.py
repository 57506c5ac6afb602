"""The speed of training: losses must agree before speeds are compared."""

from __future__ import annotations

import pytest

from tagsmith.bench import training_speed
from tagsmith.bench.measurements import MeasurementRefused
from tagsmith.bench.setting import BenchSetting, Findings
from tagsmith.bench.workers import Timing


def test_losses_that_differ_are_refused(setting: BenchSetting, monkeypatch: pytest.MonkeyPatch):
    losses = {"tagsmith": [9.0, 5.0], "packed": [9.0, 5.01], "padded": [9.0, 6.0]}
    seconds = {"tagsmith": 1.0, "packed": 3.0, "padded": 2.0}
    results = {name: Timing(losses[name], {"tokens": 100}, [seconds[name]]) for name in losses}
    monkeypatch.setattr(training_speed, "race_all", lambda entrants, repeats: results)
    with pytest.raises(
        MeasurementRefused, match=r"of step 2 are 5\.0000 with our recurrence, 6\.0000 with nn\.LSTM, padded"
    ):
        training_speed.steps(setting, Findings())
    results["padded"].output[:] = [9.0, 5.0]
    findings = Findings()
    training_speed.steps(setting, findings)
    assert [figure.value for figure in findings.measurements] == [100.0, 2.0]  # the padded one was the faster
    results["tagsmith"].output[:] = results["packed"].output[:] = results["padded"].output[:] = [9.0, 9.0]
    with pytest.raises(MeasurementRefused, match=r"^the loss did not fall: 9\.00 at first, 9\.00 at the end$"):
        training_speed.steps(setting, Findings())
