"""What runs on a GPU: kernels in Triton, and networks side by side that are trained or asked by them."""

from __future__ import annotations

from importlib.util import find_spec

from tagsmith.config import CharLSTMConfig, Config


def obstacle(config: Config) -> str:
    """Why a model of these settings can't run by these kernels; empty if it can."""
    if find_spec("triton") is None:
        return "Triton is not installed"
    if config.encoder.kind != "lstm":
        return f"encoder.kind={config.encoder.kind}, for which there is none"
    if isinstance(config.chars, CharLSTMConfig):
        return "chars.kind=lstm, for which there is none"
    return ""
