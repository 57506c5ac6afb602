"""The character CNN for training: compiled in float32 on a CPU, and in PyTorch otherwise."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from tagsmith.ops.char_cnn import autograd
from tagsmith.ops.dispatch import runs_compiled

ACTIVATIONS = {"none": lambda x: x, "tanh": torch.tanh, "relu": torch.relu}


def char_cnn(embedded: Tensor, word_lengths: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Return ``convolve_max``, by the compiled kernels where they can run.

    Shape: embedded [C, D], word_lengths [U], weight [F, window * D], bias [F] -> [U, F].
    """
    function = autograd.convolve_max if runs_compiled(embedded) else convolve_max
    return function(embedded, word_lengths, weight, bias)


def convolve_max(embedded: Tensor, word_lengths: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Return a convolution over each word's characters, and its maximum over time.

    The gradient goes to the first of several equal maxima.

    Shape: embedded [C, D], word_lengths [U], weight [F, window * D], bias [F] -> [U, F].
    """
    (chars, dim), device = embedded.shape, embedded.device
    margin = weight.shape[1] // dim // 2
    # One long row of all words, with `margin` zeros before, between and after them: no word sees another.
    word = torch.repeat_interleave(torch.arange(len(word_lengths), device=device), word_lengths)
    places = torch.arange(chars, device=device) + margin * (word + 1)
    row = embedded.new_zeros(chars + margin * (len(word_lengths) + 1), dim).index_copy(0, places, embedded)
    windows = torch.cat([row[places + shift] for shift in range(-margin, margin + 1)], 1)
    filtered = F.linear(windows, weight, bias)
    return first_maximum(filtered, word, len(word_lengths))


def first_maximum(values: Tensor, group: Tensor, groups: int) -> Tensor:
    """Return the maximum over the rows of each group. Its gradient goes to the first of several equal rows.

    A group without rows gets an arbitrary row.

    Shape: values [P, F], group [P], numbers below ``groups`` -> [groups, F].
    """
    # The gradient of amax would be split among equal maxima. That of torch.segment_reduce would count a maximum that
    # occurs n times up to n times.
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
