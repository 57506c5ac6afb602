"""Training and tagging on a GPU: Triton kernels, and networks that run side by side on them."""

from __future__ import annotations

from importlib.util import find_spec

from tagsmith.config import CharLSTMConfig, Config
from tagsmith.ops.recurrence.kinds import KINDS


def missing_kernels(config: Config) -> str:
    """Return why a model with these settings cannot run on Triton kernels, or an empty string if it can."""
    if find_spec("triton") is None:
        return "Triton is not installed"
    if not KINDS[config.encoder.kind].on_triton:
        return f"encoder.kind={config.encoder.kind}, for which there is none"
    if isinstance(config.chars, CharLSTMConfig):
        return "chars.kind=lstm, for which there is none"
    return ""
