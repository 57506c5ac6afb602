"""Compiled dropout as a PyTorch function with a gradient."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import FunctionCtx

from tagsmith.ops.dropout.compiled import drop


class CompiledDropout(Function):
    """Dropout whose mask is drawn from PyTorch's random numbers once, and from there by ``ops.dropout.compiled``.

    Shape: values [N, D], mask_of [N] or None -> [N, D].
    """

    @staticmethod
    def forward(ctx: FunctionCtx, values: Tensor, rate: float, mask_of: Tensor | None) -> Tensor:
        key = int(torch.empty((), dtype=torch.int64).random_())
        ctx.mask = rate, key, np.arange(len(values)) if mask_of is None else mask_of.numpy()  # type: ignore[attr-defined]
        return torch.from_numpy(drop(values.detach().contiguous().numpy(), *ctx.mask))  # type: ignore[attr-defined]

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, None, None]:
        return torch.from_numpy(drop(grad_outputs[0].contiguous().numpy(), *ctx.mask)), None, None
