"""The costs of whole processes: cold start, memory and installation."""

from __future__ import annotations

import pytest

from tagsmith.bench import process_costs
from tagsmith.bench.measurements import MeasurementRefused
from tagsmith.bench.setting import BenchSetting, Findings


def test_a_start_with_another_output_is_refused(setting: BenchSetting, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(process_costs, "STARTS", 1)
    findings = Findings()
    process_costs.cold_start(setting, findings)
    assert 0.05 < (findings.measurements[0].value or 0) < 20
    monkeypatch.setattr(process_costs, "table", lambda tagged: "another table")
    with pytest.raises(MeasurementRefused, match=r"^the command printed 'Jay"):
        process_costs.cold_start(setting, Findings())


def test_memory_is_that_of_a_whole_file(setting: BenchSetting, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(process_costs, "FILES", (1_000, 4_000))
    monkeypatch.setattr(process_costs, "TABLE", 50_000)
    findings = Findings()
    process_costs.memory(setting, findings)
    peak, growth = findings.measurements
    assert 10 < (peak.value or 0) < 350
    assert abs(growth.value or 99) < 20
    assert not list(setting.folder.glob("large*"))


def test_the_base_install_has_no_torch():
    names = process_costs.dependencies("tagsmith")
    assert {"tagsmith", "numpy", "safetensors", "numba", "llvmlite", "markdown-it-py"} <= names
    assert not names & {"torch", "matplotlib", "pytest"}


def test_the_size_of_the_base_install():
    findings = Findings()
    process_costs.installed_size(None, findings)  # type: ignore[arg-type]
    (size,) = findings.measurements
    assert 50 < (size.value or 0) < 1_000
    assert "numpy" in size.note
