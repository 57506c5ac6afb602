"""The speed of the CRF alone: its checks, and a rival that fails."""

from __future__ import annotations

import numpy as np
import pytest

from tagsmith.bench import crf_speed
from tagsmith.bench.measurements import MeasurementRefused
from tagsmith.bench.setting import BenchSetting, Findings
from tagsmith.bench.workers import Entrant, Timing, own_job, timed


def test_right_outputs_pass_the_check_and_wrong_ones_do_not():
    given = crf_speed.problem()
    jobs = {what: Entrant(own_job("crf"), {**given, "calls": 2, "what": what}) for what in ("loss", "viterbi")}
    outputs = {what: timed(job, 0).output for what, job in jobs.items()}
    crf_speed._check_loss(given, outputs["loss"])
    crf_speed._check_paths(given, outputs["viterbi"])
    with pytest.raises(MeasurementRefused, match=r"^a loss of "):
        crf_speed._check_loss(given, {**outputs["loss"], "nll": outputs["loss"]["nll"] * 1.001})
    gradients = np.array(outputs["loss"]["gradients"][0])
    gradients[5] += 0.01
    with pytest.raises(MeasurementRefused, match=r"^gradients that differ"):
        crf_speed._check_loss(given, {**outputs["loss"], "gradients": [gradients]})
    outputs["viterbi"][3][7] += 1
    with pytest.raises(MeasurementRefused, match=r"^paths that differ"):
        crf_speed._check_paths(given, outputs["viterbi"])


def test_a_rival_that_fails_is_not_measured_and_ours_is(setting: BenchSetting, monkeypatch: pytest.MonkeyPatch):
    ours = Timing([], {}, [0.1])
    monkeypatch.setattr(crf_speed, "_check_loss", lambda given, output: None)
    monkeypatch.setattr(crf_speed, "_check_paths", lambda given, output: None)
    monkeypatch.setattr(
        crf_speed, "race", lambda *_: {"ours": ours, "theirs": MeasurementRefused("ImportError: no torch")}
    )
    findings = Findings()
    crf_speed.loss_and_viterbi(setting, findings)
    values = [figure.value for figure in findings.measurements]
    assert values == [pytest.approx(100 / crf_speed.CALLS), None] * 2
    assert not any(figure.refused for figure in findings.measurements)
