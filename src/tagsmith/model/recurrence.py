"""Bidirectional recurrences with their gradients written out: no padding, and few operations a step.

An LSTM in float32 on a CPU runs in compiled code (``kernels.lstm``); everything else, and what the compiled code is
compared with, is PyTorch here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import FunctionCtx

from tagsmith.batching import Steps
from tagsmith.kernels.lstm import lstm, lstm_gradient
from tagsmith.kernels.tiles import pack


class Recurrence(Function):
    """Hidden states of two LSTMs side by side, given their input products.

    Autograd would add the state weight's gradient up step by step; written out, it is one tall product at the end.

    Shape: inputs [2, N, 4H] in order of time (see ``Steps``), state_weight [2, H, 4H] -> [2, N, H].
    The gates stand in the order input, forget, output, candidate.
    """

    @staticmethod
    def forward(ctx: FunctionCtx, inputs: Tensor, state_weight: Tensor, steps: Steps) -> Tensor:
        size = state_weight.shape[1]
        gates = torch.empty_like(inputs)
        cells = inputs.new_empty(2, inputs.shape[1], size)
        hidden = torch.empty_like(cells)
        slices, counts = steps.slices(), steps.counts
        h = c = inputs.new_zeros(2, counts[0], size)
        for step, count in zip(slices, counts, strict=True):
            raw = torch.baddbmm(inputs[:, step], h[:, :count], state_weight)
            i, f, o = raw[..., : 3 * size].sigmoid_().split(size, -1)
            g = raw[..., 3 * size :].tanh_()
            c = torch.addcmul(f * c[:, :count], i, g)
            h = o * c.tanh()
            gates[:, step], cells[:, step], hidden[:, step] = raw, c, h
        ctx.save_for_backward(state_weight, gates, cells, hidden)
        ctx.steps = steps  # type: ignore[attr-defined]
        return hidden

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, Tensor, None]:
        (grad_hidden,) = grad_outputs
        state_weight, gates, cells, hidden = ctx.saved_tensors
        steps: Steps = ctx.steps
        size = state_weight.shape[1]
        previous = torch.from_numpy(steps.previous).to(hidden.device)
        first = steps.counts[0]
        cells_before, hidden_before = torch.zeros_like(cells), torch.zeros_like(hidden)
        cells_before[:, first:] = cells[:, previous]
        hidden_before[:, first:] = hidden[:, previous]

        # What each gate passes on of the cell's gradient (i, f, g) or the state's (o): known before the loop.
        i, f, o, g = gates.split(size, -1)
        tanh_c = cells.tanh()
        cell_from_hidden = o * (1 - tanh_c * tanh_c)
        from_cell = torch.cat([g * i * (1 - i), cells_before * f * (1 - f), i * (1 - g * g)], -1)
        output_from_hidden = tanh_c * o * (1 - o)

        grad_gates = torch.empty_like(gates)
        transposed = state_weight.transpose(1, 2)
        grad_c = grad_h = hidden.new_zeros(2, 0, size)
        for step, count in zip(reversed(steps.slices()), reversed(steps.counts), strict=True):
            dh = grad_hidden[:, step].clone()
            going_on = grad_h.shape[1]  # the other sentences end at this step
            dh[:, :going_on] += grad_h
            dc = dh * cell_from_hidden[:, step]
            dc[:, :going_on] += grad_c
            grads = grad_gates[:, step].view(2, count, 4, size)
            known = from_cell[:, step].view(2, count, 3, size)
            torch.mul(dc.unsqueeze(2), known[:, :, :2], out=grads[:, :, :2])
            torch.mul(dh, output_from_hidden[:, step], out=grads[:, :, 2])
            torch.mul(dc, known[:, :, 2], out=grads[:, :, 3])
            grad_c = dc * f[:, step]
            grad_h = torch.bmm(grad_gates[:, step], transposed)
        return grad_gates, hidden_before.transpose(1, 2) @ grad_gates, None


class PlainRecurrence(Function):
    """Hidden states of two plain RNNs side by side, h = tanh(input product + h before · state_weight).

    Shape: inputs [2, N, H] in order of time (see ``Steps``), state_weight [2, H, H] -> [2, N, H].
    """

    @staticmethod
    def forward(ctx: FunctionCtx, inputs: Tensor, state_weight: Tensor, steps: Steps) -> Tensor:
        hidden = torch.empty_like(inputs)
        h = inputs.new_zeros(2, steps.counts[0], inputs.shape[2])
        for step, count in zip(steps.slices(), steps.counts, strict=True):
            h = torch.baddbmm(inputs[:, step], h[:, :count], state_weight).tanh_()
            hidden[:, step] = h
        ctx.save_for_backward(state_weight, hidden)
        ctx.steps = steps  # type: ignore[attr-defined]
        return hidden

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, Tensor, None]:
        (grad_hidden,) = grad_outputs
        state_weight, hidden = ctx.saved_tensors
        steps: Steps = ctx.steps
        through_tanh = 1 - hidden * hidden
        grad_sums = torch.empty_like(hidden)
        transposed = state_weight.transpose(1, 2)
        grad_h = hidden.new_zeros(2, 0, hidden.shape[2])
        for step in reversed(steps.slices()):
            dh = grad_hidden[:, step].clone()
            dh[:, : grad_h.shape[1]] += grad_h  # the other sentences end at this step
            grad_sums[:, step] = dh * through_tanh[:, step]
            grad_h = torch.bmm(grad_sums[:, step], transposed)
        hidden_before = torch.zeros_like(hidden)
        hidden_before[:, steps.counts[0] :] = hidden[:, torch.from_numpy(steps.previous).to(hidden.device)]
        return grad_sums, hidden_before.transpose(1, 2) @ grad_sums, None


class CompiledLSTM(Function):
    """``read_both_ways`` of an LSTM in float32 on a CPU: the recurrence in compiled code, tall products by a BLAS.

    Shape: as ``read_both_ways``.
    """

    @staticmethod
    def forward(
        ctx: FunctionCtx, inputs: Tensor, input_weight: Tensor, state_weight: Tensor, bias: Tensor, steps: Steps
    ) -> Tensor:
        words, size = len(inputs), state_weight.shape[1]
        gates = inputs.new_empty(words, 2, 4 * size)  # first the input products
        before, cells = inputs.new_empty(2, words, 2, size)
        hidden = inputs.new_empty(words, 2 * size)
        kept = (array.numpy() for array in (hidden, before, cells))
        hidden_out, before_out, cells_out = kept
        for d in (0, 1):
            torch.addmm(bias[d], inputs, input_weight[d], out=gates[:, d])
            packed = pack(state_weight[d].detach().numpy())
            which = np.arange(words)
            lstm(gates.numpy(), which, steps.starts, steps.lengths, packed, d, hidden_out, before_out, cells_out)
        ctx.save_for_backward(inputs, input_weight, state_weight, gates, before, cells)
        ctx.steps = steps  # type: ignore[attr-defined]
        return hidden

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, Tensor, Tensor, Tensor, None]:
        grad_hidden = grad_outputs[0].contiguous().numpy()
        inputs, input_weight, state_weight, gates, before, cells = ctx.saved_tensors
        steps: Steps = ctx.steps
        grad_products = torch.empty_like(gates)
        kept = gates.numpy(), cells.numpy(), grad_products.numpy()
        grad_input_weight, grad_state_weight = torch.empty_like(input_weight), torch.empty_like(state_weight)
        for d in (0, 1):
            transposed = pack(state_weight[d].detach().numpy().T)
            lstm_gradient(grad_hidden, steps.starts, steps.lengths, transposed, d, *kept)
            torch.mm(inputs.T, grad_products[:, d], out=grad_input_weight[d])
            torch.mm(before[:, d].T, grad_products[:, d], out=grad_state_weight[d])
        grad_inputs = None
        if ctx.needs_input_grad[0]:
            grad_inputs = grad_products[:, 0] @ input_weight[0].T
            grad_inputs.addmm_(grad_products[:, 1], input_weight[1].T)
        return grad_inputs, grad_input_weight, grad_state_weight, grad_products.sum(0), None


RECURRENCES: dict[str, type[Function]] = {"lstm": Recurrence, "rnn": PlainRecurrence}


def read_both_ways(
    inputs: Tensor, steps: Steps, kind: str, input_weight: Tensor, state_weight: Tensor, bias: Tensor
) -> Tensor:
    """States of an LSTM (``lstm``) or a plain RNN (``rnn``) after each word, forwards and backwards, side by side.

    Shape: inputs [N, D], input_weight [2, D, GH], state_weight [2, H, GH], bias [2, GH], where G, the gates, are 4 in
    an LSTM and 1 in a plain RNN -> [N, 2H], words in the order of the batch.
    """
    float32_on_cpu = inputs.device.type == "cpu" and inputs.dtype == torch.float32
    if kind == "lstm" and float32_on_cpu and not torch.is_autocast_enabled("cpu"):
        return CompiledLSTM.apply(inputs, input_weight, state_weight, bias, steps)  # type: ignore[return-value]
    order = torch.from_numpy(steps.order).to(inputs.device)
    products = torch.baddbmm(bias[:, None], inputs[order], input_weight)
    hidden: Tensor = RECURRENCES[kind].apply(products, state_weight.to(products.dtype), steps)  # type: ignore[assignment]
    back = order.argsort(1)  # where in time each word of the batch stands
    return torch.cat([hidden[0, back[0]], hidden[1, back[1]]], 1)
