"""Steps of training with each recurrence."""

from __future__ import annotations

import pytest

from tagsmith.bench.inputs import count_tokens, read_spans_file
from tagsmith.bench.setting import BenchSetting
from tagsmith.bench.workers import Entrant, own_job, race_all
from tests.support.handmade import TINY


def test_every_recurrence_has_the_same_losses(setting: BenchSetting):
    options = {"train": setting.train, "vectors": None, "settings": {**TINY, "encoder.size": 24}, "steps": 6}
    names = ("tagsmith", "packed", "padded")
    entrants = {name: Entrant(own_job("training"), {**options, "recurrence": name}) for name in names}
    timings = race_all(entrants, 0)
    tokens = count_tokens(read_spans_file(setting.train))
    assert [timing.notes["tokens"] for timing in timings.values()] == [tokens] * 3
    ours, packed, padded = (timing.output for timing in timings.values())
    assert len(ours) == 6
    assert ours != packed or ours != padded, "rounding shows that another recurrence was used"
    assert packed == pytest.approx(ours, rel=1e-4)
    assert padded == pytest.approx(ours, rel=1e-4)
