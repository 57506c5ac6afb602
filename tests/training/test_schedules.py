"""The learning rate of each epoch."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tagsmith.config import TrainingConfig
from tagsmith.training.schedules import learning_rate


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("inverse", [2.0, 2 / 1.5, 1.0, 0.8]),
        ("linear", [2.0, 1.5, 1.0, 0.5]),
        ("cosine", [2.0, 1 + math.sqrt(0.5), 1.0, 1 - math.sqrt(0.5)]),
        ("constant", [2.0] * 4),
    ],
)
def test_the_rate_of_an_epoch_follows_the_schedule(schedule: Any, expected: list[float]) -> None:
    settings = TrainingConfig(epochs=4, learning_rate=2.0, decay=0.5, schedule=schedule)
    assert [learning_rate(settings, epoch) for epoch in (1, 2, 3, 4)] == pytest.approx(expected)
