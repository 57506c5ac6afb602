"""Dropout for training, with one mask per row or one that several rows share."""

from __future__ import annotations

import torch
from torch import Tensor

from tagsmith.ops.dispatch import runs_compiled
from tagsmith.ops.dropout import autograd


def dropout(values: Tensor, rate: float, training: bool, mask_of: Tensor | None = None) -> Tensor:
    """Return the values, in training each zeroed with probability ``rate`` and the others scaled up to match.

    Rows with the same number in ``mask_of`` lose the same features. Without it no two rows share a mask.

    Shape: values [N, D], mask_of [N] -> [N, D].
    """
    if not training or rate == 0.0:
        return values
    if runs_compiled(values):
        return autograd.dropout(values, rate, mask_of)
    masks = len(values) if mask_of is None else int(mask_of.max()) + 1
    mask = torch.where(torch.rand(masks, values.shape[1], device=values.device) < rate, 0.0, 1 / (1 - rate))
    return values * (mask if mask_of is None else mask[mask_of])
