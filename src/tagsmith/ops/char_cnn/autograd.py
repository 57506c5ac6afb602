"""The compiled character CNN as a PyTorch function with a gradient."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import FunctionCtx

from tagsmith.ops.char_cnn.compiled import at_maxima, convolve_max, windows_gradient, windows_of
from tagsmith.ops.simd.tiles import pack_transposed


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
