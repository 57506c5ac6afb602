"""Which tensors the compiled kernels take."""

from __future__ import annotations

import pytest
import torch

from tagsmith.ops.dispatch import runs_compiled


@pytest.mark.parametrize(
    ("values", "compiled"),
    [
        (torch.zeros(1), True),
        (torch.zeros(1, dtype=torch.float64), False),
        (torch.zeros(1, dtype=torch.bfloat16), False),
        (torch.zeros(1, device="meta"), False),
    ],
)
def test_float32_on_a_cpu_runs_compiled(values: torch.Tensor, compiled: bool) -> None:
    assert runs_compiled(values) is compiled


def test_nothing_runs_compiled_under_autocast() -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert not runs_compiled(torch.zeros(1))
