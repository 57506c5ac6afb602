"""The compiled character CNN as a PyTorch function with a gradient."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import FunctionCtx

from tagsmith.ops.char_cnn import compiled
from tagsmith.ops.simd.tiles import pack_transposed


def convolve_max(embedded: Tensor, word_lengths: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Return a convolution over each word's characters, and its maximum over time.

    The gradient goes to the first of several equal maxima.

    Shape: embedded [C, D], word_lengths [U], weight [F, window * D], bias [F] -> [U, F].
    """
    return CompiledConvolution.apply(embedded, word_lengths, weight, bias)  # type: ignore[return-value]


class CompiledConvolution(Function):
    """``convolve_max`` and its gradient."""

    @staticmethod
    def forward(ctx: FunctionCtx, embedded: Tensor, word_lengths: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        lengths, window = word_lengths.numpy(), weight.shape[1] // embedded.shape[1]
        windows = compiled.unfold(embedded.detach().contiguous().numpy(), lengths, window)
        packed = pack_transposed(weight.detach().numpy())
        highest, argmax = compiled.convolve_max(windows, lengths, packed, bias.detach().numpy())
        ctx.save_for_backward(weight, torch.from_numpy(windows), torch.from_numpy(argmax), word_lengths)
        ctx.window = window  # type: ignore[attr-defined]
        return torch.from_numpy(highest)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, None, Tensor, Tensor]:
        grad = grad_outputs[0].contiguous()
        weight, windows, argmax, word_lengths = ctx.saved_tensors
        grad_filtered = torch.from_numpy(compiled.max_gradient(grad.numpy(), argmax.numpy(), len(windows)))
        grad_windows = (grad_filtered @ weight).numpy()
        grad_embedded = compiled.unfold_gradient(grad_windows, word_lengths.numpy(), ctx.window)
        return torch.from_numpy(grad_embedded), None, grad_filtered.T @ windows, grad.sum(0)
