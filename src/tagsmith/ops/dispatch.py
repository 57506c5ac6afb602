"""The rule for when compiled kernels run in place of PyTorch."""

from __future__ import annotations

import torch
from torch import Tensor


def runs_compiled(values: Tensor) -> bool:
    """Return whether the compiled kernels take these values: float32, on a CPU, outside autocast."""
    return values.device.type == "cpu" and values.dtype == torch.float32 and not torch.is_autocast_enabled("cpu")
