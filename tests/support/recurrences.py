"""Recurrences in PyTorch's own modules and in the reference, over ragged batches: what tests compare kernels with."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from tagsmith.batching import time_steps
from tagsmith.ops.recurrence.kinds import KINDS
from tagsmith.tensors import Floats, Ids

MODULES = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "rnn": torch.nn.RNN}


def width(kind: str, size: int) -> int:
    """Columns of the weights: the gates' units."""
    return len(KINDS[kind].gates) * size


def module_states(kind: str, products: Tensor, state_weight: Tensor, lengths: list[int]) -> Tensor:
    """States by PyTorch's module, which reads each sentence alone, in float64.

    Shape: products [2, N, GH] in the order of the batch, state_weight [2, H, GH] -> [2, N, H].
    """
    size, columns = state_weight.shape[1:]
    order = torch.arange(columns)
    if kind == "lstm":  # PyTorch's order of gates is i, f, g, o
        order = order.view(4, size)[[0, 1, 3, 2]].flatten()
    module = MODULES[kind](columns, size, bias=False, dtype=torch.float64)
    pass_through = torch.eye(columns, dtype=torch.float64)[order]

    def run(sentence: Tensor, weight: Tensor) -> Tensor:
        weights = {"weight_ih_l0": pass_through, "weight_hh_l0": weight.T[order]}
        return torch.func.functional_call(module, weights, (sentence,))[0]

    directions = []
    for d in (0, 1):
        sentences = [sentence.flip(0) if d else sentence for sentence in products[d].split(lengths)]
        states = [run(sentence, state_weight[d]) for sentence in sentences]
        directions.append(torch.cat([state.flip(0) if d else state for state in states]))
    return torch.stack(directions)


def reference_states(kind: str, products: Floats, lengths: Ids, state_weight: Floats) -> Floats:
    """States by the reference, read both ways. Shape: products [N, 2, GH], state_weight [2, H, GH] -> [N, 2H]."""
    steps, size = time_steps(lengths), state_weight.shape[1]
    out = np.full((len(products), 2 * size), np.nan, products.dtype)
    for d, order in enumerate(steps.order):
        found = KINDS[kind].reference(products[order, d], state_weight[d], steps.counts)
        out[order, d * size : (d + 1) * size] = found
    return out
