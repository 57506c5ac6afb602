"""The chart of a benchmark."""

from __future__ import annotations

from pathlib import Path

import pytest

from tagsmith.bench.chart import draw
from tagsmith.bench.setting import Findings

ENTRANTS = [{"name": "tagsmith", "tokens_per_second": 9.0}, {"name": "Flair", "failed": "not installed"}]
CURVE = [{"x": 1, "tokens_per_second": 5.0}, {"x": 10, "tokens_per_second": 6.0}]


@pytest.mark.parametrize(
    "findings",
    [Findings(), Findings(entrants=ENTRANTS), Findings(entrants=ENTRANTS, curves=dict.fromkeys("abcd", CURVE))],
)
def test_it_is_a_png_whatever_was_measured(findings: Findings, tmp_path: Path):
    draw(findings, "title", tmp_path / "bench.png")
    assert (tmp_path / "bench.png").read_bytes().startswith(b"\x89PNG")
