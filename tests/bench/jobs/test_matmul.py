"""Products of matrices."""

from __future__ import annotations

from tagsmith.bench.jobs.matmul import prepare
from tagsmith.bench.runner import BenchTask


def test_the_product_is_right():
    assert abs(prepare(BenchTask({"size": 64, "calls": 2}))()()) < 1e-3
