from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib import image

from tagsmith.quality.calibration import CalibrationReport
from tagsmith.quality.pictures import draw_reliability, draw_transitions
from tagsmith.quality.reliability import measure_reliability
from tagsmith.quality.transitions import learned_transitions
from tests.support.handmade import random_model


@pytest.mark.parametrize("labels", [["X"], [f"L{i}" for i in range(9)]], ids=len)
def test_the_heat_map_grows_with_the_tags(tmp_path: Path, labels: list[str]):
    found = learned_transitions(random_model(1, labels=labels))
    assert found is not None
    draw_transitions(found, "Title", tmp_path / "map.png")
    height, width, _ = image.imread(tmp_path / "map.png").shape
    assert height == width == pytest.approx(130 * (2 + 0.3 * len(found.rows)), abs=1)


def test_the_diagram_is_the_same_file_each_time(tmp_path: Path):
    reliability = measure_reliability(np.array([0.1, 0.9]), np.array([False, True]))
    for name in ("a.png", "b.png"):
        draw_reliability(CalibrationReport(1.5, reliability, reliability, False, True), "Title", tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "b.png"]
