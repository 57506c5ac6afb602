"""Compiled dropout as a PyTorch function with a gradient."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import FunctionCtx

from tagsmith.ops.dropout import compiled


def dropout(values: Tensor, rate: float, mask_of: Tensor | None = None) -> Tensor:
    """Return the values under a mask whose key is drawn from PyTorch's random numbers (see ``compiled.dropout``).

    Shape: values [N, D], mask_of [N] or None -> [N, D].
    """
    return CompiledDropout.apply(values, rate, mask_of)  # type: ignore[return-value]


class CompiledDropout(Function):
    """``dropout`` and its gradient."""

    @staticmethod
    def forward(ctx: FunctionCtx, values: Tensor, rate: float, mask_of: Tensor | None) -> Tensor:
        key = int(torch.empty((), dtype=torch.int64).random_())
        ctx.mask = rate, key, np.arange(len(values)) if mask_of is None else mask_of.numpy()  # type: ignore[attr-defined]
        dropped = compiled.dropout(values.detach().contiguous().numpy(), *ctx.mask)  # type: ignore[attr-defined]
        return torch.from_numpy(dropped)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, None, None]:
        return torch.from_numpy(compiled.dropout(grad_outputs[0].contiguous().numpy(), *ctx.mask)), None, None
