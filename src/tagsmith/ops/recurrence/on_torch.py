"""Bidirectional recurrences with their gradients written out: no padding, and few operations a step.

What is PyTorch here runs a plain RNN, and an LSTM on a GPU, in other numbers than float32 and under autocast; it is
also what the compiled LSTM is compared with.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import FunctionCtx

from tagsmith.batching import Steps
from tagsmith.ops.dispatch import runs_compiled
from tagsmith.ops.recurrence.autograd import CompiledLSTM


class LSTMStates(Function):
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


class RNNStates(Function):
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


RECURRENCES: dict[str, type[Function]] = {"lstm": LSTMStates, "rnn": RNNStates}


def read_both_ways(
    inputs: Tensor, steps: Steps, kind: str, input_weight: Tensor, state_weight: Tensor, bias: Tensor
) -> Tensor:
    """States of an LSTM (``lstm``) or a plain RNN (``rnn``) after each word, forwards and backwards, side by side.

    Shape: inputs [N, D], input_weight [2, D, GH], state_weight [2, H, GH], bias [2, GH], where G, the gates, are 4 in
    an LSTM and 1 in a plain RNN -> [N, 2H], words in the order of the batch.
    """
    if kind == "lstm" and runs_compiled(inputs):
        return CompiledLSTM.apply(inputs, input_weight, state_weight, bias, steps)  # type: ignore[return-value]
    order = torch.from_numpy(steps.order).to(inputs.device)
    products = torch.baddbmm(bias[:, None], inputs[order], input_weight)
    hidden: Tensor = RECURRENCES[kind].apply(products, state_weight.to(products.dtype), steps)  # type: ignore[assignment]
    back = order.argsort(1)  # where in time each word of the batch stands
    return torch.cat([hidden[0, back[0]], hidden[1, back[1]]], 1)
