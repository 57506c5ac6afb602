"""The recurrence alone."""

from __future__ import annotations

from tagsmith.bench.jobs.recurrence import prepare
from tagsmith.bench.runner import BenchTask
from tagsmith.bench.setting import BenchSetting


def test_its_states_are_those_of_the_reference(setting: BenchSetting):
    assert prepare(BenchTask({"test": setting.test, "size": 8}))()() < 1e-5
