"""The compiled LSTM as a PyTorch function with a gradient."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import FunctionCtx

from tagsmith.batching import Steps
from tagsmith.ops.recurrence.compiled import lstm, lstm_gradient
from tagsmith.ops.simd.tiles import pack, pack_transposed


class CompiledLSTM(Function):
    """States of an LSTM after each word, forwards and backwards, side by side: ``recurrence.read_both_ways``.

    Shape: inputs [N, D], input_weight [2, D, 4H], state_weight [2, H, 4H], bias [2, 4H] -> [N, 2H].
    """

    @staticmethod
    def forward(
        ctx: FunctionCtx, inputs: Tensor, input_weight: Tensor, state_weight: Tensor, bias: Tensor, steps: Steps
    ) -> Tensor:
        words, size = len(inputs), state_weight.shape[1]
        gates = inputs.new_empty(words, 2, 4 * size)  # first the input products
        before, cells = inputs.new_empty(2, words, 2, size)
        hidden = inputs.new_empty(words, 2 * size)
        which = np.arange(words)
        for d in (0, 1):
            torch.addmm(bias[d], inputs, input_weight[d], out=gates[:, d])
            where = which, steps.starts, steps.lengths, pack(state_weight[d].detach().numpy())
            lstm(gates.numpy(), *where, d, hidden.numpy(), before.numpy(), cells.numpy())
        ctx.save_for_backward(inputs, input_weight, state_weight, gates, before, cells)
        ctx.steps = steps  # type: ignore[attr-defined]
        return hidden

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, Tensor, Tensor, Tensor, None]:
        grad_hidden = grad_outputs[0].contiguous().numpy()
        inputs, input_weight, state_weight, gates, before, cells = ctx.saved_tensors
        steps: Steps = ctx.steps
        grad_products = torch.empty_like(gates)
        grad_input_weight, grad_state_weight = torch.empty_like(input_weight), torch.empty_like(state_weight)
        for d in (0, 1):
            where = steps.starts, steps.lengths, pack_transposed(state_weight[d].detach().numpy())
            lstm_gradient(grad_hidden, *where, d, gates.numpy(), cells.numpy(), grad_products.numpy())
            torch.mm(inputs.T, grad_products[:, d], out=grad_input_weight[d])
            torch.mm(before[:, d].T, grad_products[:, d], out=grad_state_weight[d])
        grad_inputs = None
        if ctx.needs_input_grad[0]:
            grad_inputs = grad_products[:, 0] @ input_weight[0].T
            grad_inputs.addmm_(grad_products[:, 1], input_weight[1].T)
        return grad_inputs, grad_input_weight, grad_state_weight, grad_products.sum(0), None
