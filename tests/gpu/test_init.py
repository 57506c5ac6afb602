"""Which models the Triton kernels can run."""

from __future__ import annotations

import pytest

from tagsmith import gpu
from tagsmith.config import configure

pytest.importorskip("triton", reason="there is no Triton for this system")


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({}, ""),
        ({"encoder.kind": "rnn"}, "encoder.kind=rnn, for which there is none"),
        ({"encoder.kind": "gru"}, "encoder.kind=gru, for which there is none"),
        ({"chars.kind": "lstm"}, "chars.kind=lstm, for which there is none"),
    ],
)
def test_a_model_without_kernels_says_why(settings: dict[str, str], reason: str) -> None:
    assert gpu.missing_kernels(configure(settings=settings)) == reason


def test_without_triton_there_are_no_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "find_spec", lambda _name: None)
    assert gpu.missing_kernels(configure()) == "Triton is not installed"
