"""The character CNN in PyTorch, for what the compiled kernels do not take."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

ACTIVATIONS = {"none": lambda x: x, "tanh": torch.tanh, "relu": torch.relu}


def convolve_max(seen: Tensor, word_lengths: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """A convolution over each word's characters and its maximum over time, in PyTorch.

    The gradient goes to the first of several equal maxima.

    Shape: seen [C, D], word_lengths [U], weight [F, window * D], bias [F] -> [U, F].
    """
    (chars, dim), device = seen.shape, seen.device
    margin = weight.shape[1] // dim // 2
    # Words lie in one long row with `margin` zeros before, between and after them: no word sees another.
    word = torch.repeat_interleave(torch.arange(len(word_lengths), device=device), word_lengths)
    places = torch.arange(chars, device=device) + margin * (word + 1)
    row = seen.new_zeros(chars + margin * (len(word_lengths) + 1), dim).index_copy(0, places, seen)
    windows = torch.cat([row[places + shift] for shift in range(-margin, margin + 1)], 1)
    filtered = F.linear(windows, weight, bias)
    return first_maximum(filtered, word, len(word_lengths))


def first_maximum(values: Tensor, group: Tensor, groups: int) -> Tensor:
    """The maximum over the rows of each group, whose gradient goes to the first of several equal rows.

    A group without rows gets some row.

    Shape: values [P, F], group [P], numbers below ``groups`` -> [groups, F].
    """
    # Not the gradient of amax, which shares itself out among equal maxima, nor that of torch.segment_reduce, which
    # counts a maximum that stands at n places up to n times.
    rows = len(values)
    by_group = group[:, None].expand_as(values)
    with torch.no_grad():
        highest = values.new_full((groups, values.shape[1]), -torch.inf)
        highest.scatter_reduce_(0, by_group, values, "amax")
        row = torch.arange(rows, device=values.device)[:, None]
        rows_of_maxima = torch.where((values == highest[group]) | values.isnan(), row, rows)
        first = rows_of_maxima.new_full(highest.shape, rows - 1)
        first.scatter_reduce_(0, by_group, rows_of_maxima, "amin")
    return values.gather(0, first)
