"""Whether the compiled kernels can take a PyTorch tensor."""

from __future__ import annotations

import torch
from torch import Tensor


def runs_compiled(values: Tensor) -> bool:
    """Whether the kernels take such values: float32 on a CPU, and no autocast that wants others."""
    return values.device.type == "cpu" and values.dtype == torch.float32 and not torch.is_autocast_enabled("cpu")
