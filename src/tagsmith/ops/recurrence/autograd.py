"""The compiled recurrences as PyTorch functions with a gradient."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import FunctionCtx

from tagsmith.batching import Steps
from tagsmith.ops.recurrence import compiled
from tagsmith.ops.simd.tiles import pack, pack_transposed

Gradients = tuple[Tensor | None, Tensor, Tensor, Tensor, None]


def lstm(inputs: Tensor, input_weight: Tensor, state_weight: Tensor, bias: Tensor, steps: Steps) -> Tensor:
    """Return the states of an LSTM after each word, both directions side by side (see ``on_torch.read_both_ways``).

    Shape: inputs [N, D], input_weight [2, D, 4H], state_weight [2, H, 4H], bias [2, 4H] -> [N, 2H].
    """
    return CompiledLSTM.apply(inputs, input_weight, state_weight, bias, steps)  # type: ignore[return-value]


def gru(inputs: Tensor, input_weight: Tensor, state_weight: Tensor, bias: Tensor, steps: Steps) -> Tensor:
    """Return the states of a GRU after each word, both directions side by side (see ``on_torch.read_both_ways``).

    Shape: inputs [N, D], input_weight [2, D, 3H], state_weight [2, H, 3H], bias [2, 3H] -> [N, 2H].
    """
    return CompiledGRU.apply(inputs, input_weight, state_weight, bias, steps)  # type: ignore[return-value]


class CompiledLSTM(Function):
    """``lstm`` and its gradient."""

    @staticmethod
    def forward(
        ctx: FunctionCtx, inputs: Tensor, input_weight: Tensor, state_weight: Tensor, bias: Tensor, steps: Steps
    ) -> Tensor:
        return _forward(ctx, compiled.lstm, inputs, input_weight, state_weight, bias, steps)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> Gradients:
        grad_hidden = grad_outputs[0].contiguous().numpy()
        _, _, state_weight, gates, _, cells = ctx.saved_tensors
        grad_products = torch.empty_like(gates)
        for d in (0, 1):
            sentences = ctx.steps.starts, ctx.steps.lengths, pack_transposed(state_weight[d].detach().numpy())
            compiled.lstm_gradient(grad_hidden, *sentences, d, gates.numpy(), cells.numpy(), grad_products.numpy())
        return _backward(ctx, grad_products, grad_products)


class CompiledGRU(Function):
    """``gru`` and its gradient."""

    @staticmethod
    def forward(
        ctx: FunctionCtx, inputs: Tensor, input_weight: Tensor, state_weight: Tensor, bias: Tensor, steps: Steps
    ) -> Tensor:
        return _forward(ctx, compiled.gru, inputs, input_weight, state_weight, bias, steps)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> Gradients:
        grad_hidden = grad_outputs[0].contiguous().numpy()
        _, _, state_weight, *kept = ctx.saved_tensors
        gates, size = kept[0], state_weight.shape[1]
        grad_products = torch.empty_like(gates)
        for d in (0, 1):
            sentences = ctx.steps.starts, ctx.steps.lengths, pack_transposed(state_weight[d].detach().numpy())
            arrays = (tensor.numpy() for tensor in (*kept, grad_products))
            compiled.gru_gradient(grad_hidden, *sentences, d, *arrays)
        grad_state_products = grad_products.clone()
        grad_state_products[..., 2 * size :] *= gates[..., :size]  # the reset gates
        return _backward(ctx, grad_products, grad_state_products)


def _forward(
    ctx: FunctionCtx,
    kernel: Any,
    inputs: Tensor,
    input_weight: Tensor,
    state_weight: Tensor,
    bias: Tensor,
    steps: Steps,
) -> Tensor:
    """Run a kernel over both directions, and save what its gradient needs: the gates, states before, and one more."""
    words, (_, size, width) = len(inputs), state_weight.shape
    gates = inputs.new_empty(words, 2, width)  # the input products, until the kernel overwrites them
    before, kept = inputs.new_empty(2, words, 2, size)
    hidden = inputs.new_empty(words, 2 * size)
    row_of = np.arange(words)
    for d in (0, 1):
        torch.addmm(bias[d], inputs, input_weight[d], out=gates[:, d])
        sentences = row_of, steps.starts, steps.lengths, pack(state_weight[d].detach().numpy())
        kernel(gates.numpy(), *sentences, d, hidden.numpy(), before.numpy(), kept.numpy())
    ctx.save_for_backward(inputs, input_weight, state_weight, gates, before, kept)
    ctx.steps = steps  # type: ignore[attr-defined]
    return hidden


def _backward(ctx: Any, grad_products: Tensor, grad_state_products: Tensor) -> Gradients:
    """Return the gradients of the inputs and weights, given those of the input products and the state products."""
    inputs, input_weight, state_weight, _, before, _ = ctx.saved_tensors
    grad_input_weight, grad_state_weight = torch.empty_like(input_weight), torch.empty_like(state_weight)
    for d in (0, 1):
        torch.mm(inputs.T, grad_products[:, d], out=grad_input_weight[d])
        torch.mm(before[:, d].T, grad_state_products[:, d], out=grad_state_weight[d])
    grad_inputs = None
    if ctx.needs_input_grad[0]:
        grad_inputs = grad_products[:, 0] @ input_weight[0].T
        grad_inputs.addmm_(grad_products[:, 1], input_weight[1].T)
    return grad_inputs, grad_input_weight, grad_state_weight, grad_products.sum(0), None
