"""The compiled kernels inside autograd: what a training on a CPU spends its time in.

Each has a plain PyTorch counterpart, for everything that ``runs_compiled`` turns away, which the tests compare it with.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import FunctionCtx

from tagsmith.batching import Steps
from tagsmith.kernels.convolution import at_maxima, convolve_max, windows_gradient, windows_of
from tagsmith.kernels.dropout import drop
from tagsmith.kernels.lstm import lstm, lstm_gradient
from tagsmith.kernels.tiles import pack, pack_transposed


def runs_compiled(values: Tensor) -> bool:
    """Whether the kernels take such values: float32 on a CPU, and no autocast that wants others."""
    return values.device.type == "cpu" and values.dtype == torch.float32 and not torch.is_autocast_enabled("cpu")


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


class CompiledConvolution(Function):
    """A convolution over each word's characters and its maximum over time.

    The gradient goes to the first of several equal maxima.

    Shape: seen [C, D], word_lengths [U], weight [F, window * D], bias [F] -> [U, F].
    """

    @staticmethod
    def forward(ctx: FunctionCtx, seen: Tensor, word_lengths: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        lengths, window = word_lengths.numpy(), weight.shape[1] // seen.shape[1]
        windows = windows_of(seen.detach().contiguous().numpy(), lengths, window)
        highest, where = convolve_max(windows, lengths, pack_transposed(weight.detach().numpy()), bias.detach().numpy())
        ctx.save_for_backward(weight, torch.from_numpy(windows), torch.from_numpy(where), word_lengths)
        ctx.window = window  # type: ignore[attr-defined]
        return torch.from_numpy(highest)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, None, Tensor, Tensor]:
        grad = grad_outputs[0].contiguous()
        weight, windows, where, word_lengths = ctx.saved_tensors
        grad_filtered = torch.from_numpy(at_maxima(grad.numpy(), where.numpy(), len(windows)))
        grad_windows = (grad_filtered @ weight).numpy()
        grad_seen = windows_gradient(grad_windows, word_lengths.numpy(), ctx.window)
        return torch.from_numpy(grad_seen), None, grad_filtered.T @ windows, grad.sum(0)


class CompiledDropout(Function):
    """Dropout whose mask is drawn from PyTorch's random numbers once, and from there by ``kernels.dropout``.

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
