"""The layers that turn words and their characters into vectors."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tagsmith.batching import time_steps
from tagsmith.ops.char_cnn.on_torch import ACTIVATIONS, char_cnn
from tagsmith.ops.dropout.on_torch import dropout
from tagsmith.ops.recurrence.on_torch import read_both_ways


class WordEmbedding(nn.Module):
    """Word vectors. The rows of training words are learned; all other rows stay as they are."""

    def __init__(self, vectors: nn.Parameter, frozen: Tensor) -> None:
        super().__init__()
        self.vectors = vectors
        self.register_buffer("frozen", frozen, persistent=False)
        self.frozen: Tensor

    def forward(self, words: Tensor) -> Tensor:
        """Return the vector of each word. Shape: [N] -> [N, D]."""
        trained = len(self.vectors)
        known = F.embedding(words.clamp(max=trained - 1), self.vectors, sparse=True)
        if self.training or not len(self.frozen):  # training sees its own words alone
            return known
        return torch.where((words < trained)[:, None], known, self.frozen[(words - trained).clamp(min=0)])


class CharCNN(nn.Module):
    """Spelling vectors: dropout, a convolution over each word's characters, the maximum over time, an activation.

    The activation increases monotonically, so it may come after the maximum.

    Source: Ma and Hovy 2016, §2.1.
    """

    def __init__(
        self, vectors: nn.Parameter, weight: nn.Parameter, bias: nn.Parameter, *, activation: str, dropout: float
    ) -> None:
        super().__init__()
        self.vectors, self.weight, self.bias = vectors, weight, bias
        self.activation, self.dropout = ACTIVATIONS[activation], dropout

    def forward(self, chars: Tensor, word_lengths: Tensor) -> Tensor:
        """Return the vector of each word. Shape: [C], [U] -> [U, F]."""
        embedded = dropout(F.embedding(chars, self.vectors), self.dropout, self.training)
        return self.activation(char_cnn(embedded, word_lengths, self.weight, self.bias))


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
        """Return the vector of each word. Shape: [C], [U] -> [U, 2H]."""
        embedded = dropout(F.embedding(chars, self.vectors), self.dropout, self.training)
        steps = time_steps(word_lengths.cpu().numpy())
        states = read_both_ways(embedded, steps, "lstm", self.input_weight, self.state_weight, self.bias)
        last = word_lengths.cumsum(0) - 1
        forwards, backwards = states.chunk(2, 1)
        return torch.cat([forwards[last], backwards[last - word_lengths + 1]], 1)
