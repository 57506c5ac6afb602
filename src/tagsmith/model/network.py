"""The BiLSTM-CNN-CRF in PyTorch, for training and for a GPU. Its parameters carry the model file's names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from tagsmith import config
from tagsmith.batching import Batch, Ids, Steps, time_steps
from tagsmith.model.chain import LogPartition, path_score
from tagsmith.model.recurrence import Recurrence
from tagsmith.store import Model

Weights = Mapping[str, NDArray[Any]]


def dropout(values: Tensor, rate: float, training: bool) -> Tensor:
    """The values, each zeroed with probability ``rate`` in training and the others scaled up to match.

    As ``torch.nn.functional.dropout``, whose random mask costs three times as much on a CPU.
    """
    if not training or rate == 0.0:
        return values
    return values * torch.where(torch.rand(values.shape, device=values.device) < rate, 0.0, 1 / (1 - rate))


class WordVectors(nn.Module):
    """Word vectors: the rows of training words learn, all others stay as they came."""

    def __init__(self, vectors: NDArray[Any], trained: int) -> None:
        super().__init__()
        self.vectors = _parameter(vectors[:trained])
        self.register_buffer("frozen", torch.from_numpy(np.array(vectors[trained:])), persistent=False)
        self.frozen: Tensor

    def forward(self, words: Tensor) -> Tensor:
        """Shape: [N] -> [N, D]."""
        trained = len(self.vectors)
        known = F.embedding(words.clamp(max=trained - 1), self.vectors)
        if self.training or not len(self.frozen):  # training meets no words but its own
            return known
        return torch.where((words < trained)[:, None], known, self.frozen[(words - trained).clamp(min=0)])


class CharCNN(nn.Module):
    """Spelling vectors: dropout, a convolution over each word's characters, the maximum over time.

    Source: Ma and Hovy 2016, §2.1. There is no activation after the convolution.
    """

    def __init__(self, vectors: NDArray[Any], weight: NDArray[Any], bias: NDArray[Any], dropout: float) -> None:
        super().__init__()
        self.vectors, self.weight, self.bias = _parameter(vectors), _parameter(weight), _parameter(bias)
        self.dropout = dropout

    def forward(self, chars: Tensor, word_lengths: Tensor) -> Tensor:
        """Shape: [C], [U] -> [U, F]."""
        dim = self.vectors.shape[1]
        window = self.weight.shape[1] // dim
        margin = window // 2
        # Words lie in one long row with `margin` zeros before, between and after them: no word sees another.
        word = torch.repeat_interleave(torch.arange(len(word_lengths), device=chars.device), word_lengths)
        places = torch.arange(len(chars), device=chars.device) + margin * (word + 1)
        seen = dropout(F.embedding(chars, self.vectors), self.dropout, self.training)
        row = seen.new_zeros(len(chars) + margin * (len(word_lengths) + 1), dim).index_copy(0, places, seen)
        windows = torch.cat([row[places + shift] for shift in range(-margin, margin + 1)], 1)
        filtered = F.linear(windows, self.weight, self.bias)
        # Not torch.segment_reduce, whose gradient counts a maximum that stands at n places up to n times.
        nothing = filtered.new_full((len(word_lengths), len(self.bias)), -torch.inf)
        return nothing.scatter_reduce(0, word[:, None].expand_as(filtered), filtered, "amax")


class BiLSTM(nn.Module):
    """A BiLSTM without peepholes, from initial state 0, with dropout before and after it.

    Source: Ma and Hovy 2016, §2.2.
    """

    def __init__(
        self,
        input_weight: NDArray[Any],
        state_weight: NDArray[Any],
        bias: NDArray[Any],
        settings: config.Encoder,
    ) -> None:
        super().__init__()
        self.input_weight, self.state_weight = _parameter(input_weight), _parameter(state_weight)
        self.bias = _parameter(bias)
        self.settings = settings

    def forward(self, inputs: Tensor, steps: Steps) -> Tensor:
        """Shape: [N, D] -> [N, 2H], words in the order of the batch."""
        inputs = dropout(inputs, self.settings.dropout_in, self.training)
        order = torch.from_numpy(steps.order).to(inputs.device)
        products = torch.baddbmm(self.bias[:, None], inputs[order], self.input_weight)
        hidden: Tensor = Recurrence.apply(products, self.state_weight.to(products.dtype), steps)  # type: ignore[assignment]
        back = order.argsort(1)  # where in time each word of the batch stands
        both = torch.cat([hidden[0, back[0]], hidden[1, back[1]]], 1)
        return dropout(both, self.settings.dropout_out, self.training)


class CRF(nn.Module):
    """A linear chain with one transition matrix, in float32 whatever autocast says.

    Source: Ma and Hovy 2016, §2.3, with shared transitions in place of the bigram potentials.
    """

    def __init__(
        self,
        weight: NDArray[Any],
        bias: NDArray[Any],
        transitions: NDArray[Any],
        start_transitions: NDArray[Any],
        end_transitions: NDArray[Any],
    ) -> None:
        super().__init__()
        self.weight, self.bias = _parameter(weight), _parameter(bias)
        self.transitions = _parameter(transitions)
        self.start_transitions, self.end_transitions = (
            _parameter(start_transitions),
            _parameter(end_transitions),
        )

    def emissions(self, encoded: Tensor) -> Tensor:
        """Shape: [N, 2H] -> [N, K], float32."""
        with torch.autocast(encoded.device.type, enabled=False):
            return F.linear(encoded.float(), self.weight, self.bias)

    def nll(self, emissions: Tensor, tags: Tensor, steps: Steps) -> Tensor:
        """Mean over the sentences of the negative log-likelihood of their tags, over all tag sequences.

        Shape: emissions [N, K], tags [N], both in the order of the batch -> [].
        """
        with torch.autocast(emissions.device.type, enabled=False):
            scores = emissions.float(), self.transitions, self.start_transitions, self.end_transitions
            log_partition: Tensor = LogPartition.apply(*scores, steps)  # type: ignore[assignment]
            return (log_partition - path_score(*scores, tags, steps)) / steps.counts[0]


class Network(nn.Module):
    """Words and spellings, BiLSTM, CRF."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        settings, weights = model.config, model.weights
        self.words = WordVectors(weights["words.vectors"], model.alphabets.trained)
        self.chars = CharCNN(**_under("chars", weights), dropout=settings.chars.dropout)
        self.encoder = BiLSTM(**_under("encoder", weights), settings=settings.encoder)
        self.head = CRF(**_under("head", weights))

    def forward(self, batch: Batch) -> Tensor:
        """Emissions of a batch. Shape: [N, K], float32."""
        if self.training:
            batch = batch.spell_each()
        device = self.head.weight.device
        words, spelling, chars, word_lengths = (
            torch.from_numpy(ids).to(device) for ids in (batch.words, batch.spelling, batch.chars, batch.word_lengths)
        )
        spelled = self.chars(chars, word_lengths)
        inputs = torch.cat([self.words(words), spelled[spelling]], 1)
        return self.head.emissions(self.encoder(inputs, time_steps(batch.lengths)))

    def nll(self, batch: Batch, tags: Ids) -> Tensor:
        """Mean over the sentences of the negative log-likelihood of their tags. Shape: tags [N] -> []."""
        emissions = self(batch)
        return self.head.nll(emissions, torch.from_numpy(tags).to(emissions.device), time_steps(batch.lengths))

    def weights(self) -> dict[str, NDArray[Any]]:
        """All weights under the model file's names, copied."""
        weights = {name: value.detach().cpu().numpy().copy() for name, value in self.named_parameters()}
        weights["words.vectors"] = np.concatenate([weights["words.vectors"], self.words.frozen.cpu().numpy()])
        return weights


def initial_weights(shapes: Mapping[str, tuple[int, ...]], rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
    """Fresh weights as the paper draws them: uniform vectors, Glorot matrices, zero biases, forget gates at 1.

    Source: Ma and Hovy 2016, §3.1; Glorot per gate, and no word vectors, which come from elsewhere.
    """

    def uniform(bound: float, *shape: int) -> NDArray[np.float32]:
        return rng.uniform(-bound, bound, shape).astype(np.float32)

    def glorot(*shape: int, gates: int = 1) -> NDArray[np.float32]:
        return uniform((6 / (shape[-2] + shape[-1] / gates)) ** 0.5, *shape)

    weights = {name: np.zeros(shape, np.float32) for name, shape in shapes.items() if name != "words.vectors"}
    weights["chars.vectors"] = uniform((3 / shapes["chars.vectors"][1]) ** 0.5, *shapes["chars.vectors"])
    for name in ("chars.weight", "head.weight", "head.transitions"):
        weights[name] = glorot(*shapes[name])
    for name in ("encoder.input_weight", "encoder.state_weight"):
        weights[name] = glorot(*shapes[name], gates=4)
    size = shapes["encoder.state_weight"][1]
    weights["encoder.bias"][:, size : 2 * size] = 1.0  # gates i, f, o, g
    return weights


def _under(prefix: str, weights: Weights) -> dict[str, Any]:
    return {name.removeprefix(f"{prefix}."): array for name, array in weights.items() if name.startswith(f"{prefix}.")}


def _parameter(array: NDArray[Any]) -> nn.Parameter:
    return nn.Parameter(torch.from_numpy(np.array(array, np.float32)))
