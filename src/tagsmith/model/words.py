"""From words and their characters to vectors."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tagsmith.batching import time_steps
from tagsmith.model.compiled import CompiledConvolution, runs_compiled
from tagsmith.model.dropout import dropout
from tagsmith.model.recurrence import read_both_ways

ACTIVATIONS = {"none": lambda x: x, "tanh": torch.tanh, "relu": torch.relu}


class WordVectors(nn.Module):
    """Word vectors: the rows of training words learn, all others stay as they came."""

    def __init__(self, vectors: nn.Parameter, frozen: Tensor) -> None:
        super().__init__()
        self.vectors = vectors
        self.register_buffer("frozen", frozen, persistent=False)
        self.frozen: Tensor

    def forward(self, words: Tensor) -> Tensor:
        """Shape: [N] -> [N, D]."""
        trained = len(self.vectors)
        known = F.embedding(words.clamp(max=trained - 1), self.vectors, sparse=True)
        if self.training or not len(self.frozen):  # training meets no words but its own
            return known
        return torch.where((words < trained)[:, None], known, self.frozen[(words - trained).clamp(min=0)])


class CharCNN(nn.Module):
    """Spelling vectors: dropout, a convolution over each word's characters, the maximum over time, an activation.

    Source: Ma and Hovy 2016, §2.1. The activation rises with its argument, so it may come after the maximum.
    """

    def __init__(
        self, vectors: nn.Parameter, weight: nn.Parameter, bias: nn.Parameter, *, activation: str, dropout: float
    ) -> None:
        super().__init__()
        self.vectors, self.weight, self.bias = vectors, weight, bias
        self.activation, self.dropout = ACTIVATIONS[activation], dropout

    def forward(self, chars: Tensor, word_lengths: Tensor) -> Tensor:
        """Shape: [C], [U] -> [U, F]."""
        seen = dropout(F.embedding(chars, self.vectors), self.dropout, self.training)
        convolve = CompiledConvolution.apply if runs_compiled(seen) else convolve_max
        return self.activation(convolve(seen, word_lengths, self.weight, self.bias))


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


class CharLSTM(nn.Module):
    """Spelling vectors: dropout, and the final states of a BiLSTM over each word's characters.

    Source: Lample et al. 2016, §4.1.
    """

    def __init__(
        self,
        vectors: nn.Parameter,
        input_weight: nn.Parameter,
        state_weight: nn.Parameter,
        bias: nn.Parameter,
        *,
        dropout: float,
    ) -> None:
        super().__init__()
        self.vectors, self.bias = vectors, bias
        self.input_weight, self.state_weight = input_weight, state_weight
        self.dropout = dropout

    def forward(self, chars: Tensor, word_lengths: Tensor) -> Tensor:
        """Shape: [C], [U] -> [U, 2H]."""
        seen = dropout(F.embedding(chars, self.vectors), self.dropout, self.training)
        steps = time_steps(word_lengths.cpu().numpy())
        states = read_both_ways(seen, steps, "lstm", self.input_weight, self.state_weight, self.bias)
        last = word_lengths.cumsum(0) - 1
        forwards, backwards = states.chunk(2, 1)
        return torch.cat([forwards[last], backwards[last - word_lengths + 1]], 1)
