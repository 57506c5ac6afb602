"""Bidirectional recurrences in PyTorch, with their gradients written out: no padding, and few operations per step.

This is what runs on a GPU without Triton kernels, in other types than float32 and under autocast, and for kinds
without a compiled gradient. The compiled and Triton kernels are compared with it.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import FunctionCtx

from tagsmith.batching import Steps
from tagsmith.ops.dispatch import runs_compiled
from tagsmith.ops.recurrence.kinds import KINDS


def read_both_ways(
    inputs: Tensor, steps: Steps, kind: str, input_weight: Tensor, state_weight: Tensor, bias: Tensor
) -> Tensor:
    """Return the states of a recurrence after each word, forwards and backwards side by side.

    Shape: inputs [N, D], input_weight [2, D, GH], state_weight [2, H, GH], bias [2, GH] -> [N, 2H], words in the order
    of the batch. G is the number of gates of the kind (see ``kinds.KINDS``).
    """
    found = KINDS[kind]
    if found.autograd and runs_compiled(inputs):
        return found.autograd()(inputs, input_weight, state_weight, bias, steps)
    order = torch.from_numpy(steps.order).to(inputs.device)
    products = torch.baddbmm(bias[:, None], inputs[order], input_weight)
    hidden = found.on_torch()(products, state_weight.to(products.dtype), steps)
    in_batch = order.argsort(1)  # the place in time of each word of the batch
    return torch.cat([hidden[0, in_batch[0]], hidden[1, in_batch[1]]], 1)


def lstm(products: Tensor, state_weight: Tensor, steps: Steps) -> Tensor:
    """Return the hidden states of two LSTMs side by side, given their input products.

    The gates are in the order input, forget, output, candidate.

    Shape: products [2, N, 4H] in order of time (see ``Steps``), state_weight [2, H, 4H] -> [2, N, H].
    """
    return LSTMStates.apply(products, state_weight, steps)  # type: ignore[return-value]


def gru(products: Tensor, state_weight: Tensor, steps: Steps) -> Tensor:
    """Return the hidden states of two GRUs side by side, given their input products (see ``reference.gru``).

    The gates are in the order reset, update, candidate.

    Shape: products [2, N, 3H] in order of time (see ``Steps``), state_weight [2, H, 3H] -> [2, N, H].
    """
    return GRUStates.apply(products, state_weight, steps)  # type: ignore[return-value]


def rnn(products: Tensor, state_weight: Tensor, steps: Steps) -> Tensor:
    """Return the hidden states of two plain RNNs side by side, h = tanh(input product + h before · state_weight).

    Shape: products [2, N, H] in order of time (see ``Steps``), state_weight [2, H, H] -> [2, N, H].
    """
    return RNNStates.apply(products, state_weight, steps)  # type: ignore[return-value]


class LSTMStates(Function):
    """``lstm`` and its gradient.

    Autograd would add the state weight's gradient up step by step. Written out, it is one tall product at the end.
    """

    @staticmethod
    def forward(ctx: FunctionCtx, products: Tensor, state_weight: Tensor, steps: Steps) -> Tensor:
        size = state_weight.shape[1]
        gates = torch.empty_like(products)
        cells = products.new_empty(2, products.shape[1], size)
        hidden = torch.empty_like(cells)
        slices, counts = steps.slices(), steps.counts
        h = c = products.new_zeros(2, counts[0], size)
        for step, count in zip(slices, counts, strict=True):
            raw = torch.baddbmm(products[:, step], h[:, :count], state_weight)
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
        cells_before, hidden_before = _one_step_before(cells, steps), _one_step_before(hidden, steps)

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
            longer = grad_h.shape[1]  # the other sentences end at this step
            dh[:, :longer] += grad_h
            dc = dh * cell_from_hidden[:, step]
            dc[:, :longer] += grad_c
            grads = grad_gates[:, step].view(2, count, 4, size)
            known = from_cell[:, step].view(2, count, 3, size)
            torch.mul(dc.unsqueeze(2), known[:, :, :2], out=grads[:, :, :2])
            torch.mul(dh, output_from_hidden[:, step], out=grads[:, :, 2])
            torch.mul(dc, known[:, :, 2], out=grads[:, :, 3])
            grad_c = dc * f[:, step]
            grad_h = torch.bmm(grad_gates[:, step], transposed)
        return grad_gates, hidden_before.transpose(1, 2) @ grad_gates, None


class GRUStates(Function):
    """``gru`` and its gradient."""

    @staticmethod
    def forward(ctx: FunctionCtx, products: Tensor, state_weight: Tensor, steps: Steps) -> Tensor:
        size = state_weight.shape[1]
        gates = torch.empty_like(products)
        candidates = products.new_empty(2, products.shape[1], size)  # their state products
        hidden = torch.empty_like(candidates)
        h = products.new_zeros(2, steps.counts[0], size)
        for step, count in zip(steps.slices(), steps.counts, strict=True):
            h = h[:, :count]
            state_products = torch.bmm(h, state_weight)
            r, z = (products[:, step, : 2 * size] + state_products[..., : 2 * size]).sigmoid_().split(size, -1)
            n = torch.addcmul(products[:, step, 2 * size :], r, state_products[..., 2 * size :]).tanh_()
            h = torch.lerp(n, h, z)
            gates[:, step] = torch.cat([r, z, n], -1)
            candidates[:, step], hidden[:, step] = state_products[..., 2 * size :], h
        ctx.save_for_backward(state_weight, gates, candidates, hidden)
        ctx.steps = steps  # type: ignore[attr-defined]
        return hidden

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, Tensor, None]:
        (grad_hidden,) = grad_outputs
        state_weight, gates, candidates, hidden = ctx.saved_tensors
        steps: Steps = ctx.steps
        size = state_weight.shape[1]
        hidden_before = _one_step_before(hidden, steps)

        # What the products pass on of the state's gradient: known before the loop.
        r, z, n = gates.split(size, -1)
        from_n = (1 - z) * (1 - n * n)
        from_r = from_n * candidates * r * (1 - r)
        from_z = (hidden_before - n) * z * (1 - z)
        from_products = torch.cat([from_r, from_z, from_n], -1)
        from_state_products = torch.cat([from_r, from_z, from_n * r], -1)

        grad_products, grad_state_products = torch.empty_like(gates), torch.empty_like(gates)
        transposed = state_weight.transpose(1, 2)
        grad_h = hidden.new_zeros(2, 0, size)
        for step in reversed(steps.slices()):
            dh = grad_hidden[:, step].clone()
            dh[:, : grad_h.shape[1]] += grad_h  # the other sentences end at this step
            by_gate = dh.repeat(1, 1, 3)
            torch.mul(by_gate, from_products[:, step], out=grad_products[:, step])
            torch.mul(by_gate, from_state_products[:, step], out=grad_state_products[:, step])
            grad_h = torch.baddbmm(dh * z[:, step], grad_state_products[:, step], transposed)
        return grad_products, hidden_before.transpose(1, 2) @ grad_state_products, None


class RNNStates(Function):
    """``rnn`` and its gradient."""

    @staticmethod
    def forward(ctx: FunctionCtx, products: Tensor, state_weight: Tensor, steps: Steps) -> Tensor:
        hidden = torch.empty_like(products)
        h = products.new_zeros(2, steps.counts[0], products.shape[2])
        for step, count in zip(steps.slices(), steps.counts, strict=True):
            h = torch.baddbmm(products[:, step], h[:, :count], state_weight).tanh_()
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
        return grad_sums, _one_step_before(hidden, steps).transpose(1, 2) @ grad_sums, None


def _one_step_before(values: Tensor, steps: Steps) -> Tensor:
    """Return the values one step before each place, 0 before the first. Shape: [2, N, H] -> the same."""
    before = torch.zeros_like(values)
    before[:, steps.counts[0] :] = values[:, torch.from_numpy(steps.previous).to(values.device)]
    return before
