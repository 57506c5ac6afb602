"""From words and their characters to vectors."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tagsmith.batching import time_steps
from tagsmith.ops.char_cnn.autograd import CompiledConvolution
from tagsmith.ops.char_cnn.on_torch import ACTIVATIONS, convolve_max
from tagsmith.ops.dispatch import runs_compiled
from tagsmith.ops.dropout.on_torch import dropout
from tagsmith.ops.recurrence.on_torch import read_both_ways


class WordEmbedding(nn.Module):
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
