"""Dropout, with a mask of its own for each row or one that several rows share."""

from __future__ import annotations

import torch
from torch import Tensor

from tagsmith.ops.dispatch import runs_compiled
from tagsmith.ops.dropout.autograd import CompiledDropout


def dropout(values: Tensor, rate: float, training: bool, mask_of: Tensor | None = None) -> Tensor:
    """The values, each zeroed with probability ``rate`` in training and the others scaled up to match.

    Shape: values [N, D], mask_of [N] -> [N, D]. Rows with the same number in ``mask_of`` lose the same features;
    without it no two rows share a mask.
    """
    if not training or rate == 0.0:
        return values
    if runs_compiled(values):
        return CompiledDropout.apply(values, rate, mask_of)  # type: ignore[return-value]
    masks = len(values) if mask_of is None else int(mask_of.max()) + 1
    mask = torch.where(torch.rand(masks, values.shape[1], device=values.device) < rate, 0.0, 1 / (1 - rate))
    return values * (mask if mask_of is None else mask[mask_of])
