"""The whole network in PyTorch, for training and for a GPU. Its parameters have the names of the model file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tagsmith import config
from tagsmith.batching import Batch, Steps, time_steps
from tagsmith.model.heads import BigramCRF, Head, SharedCRF, SoftmaxHead
from tagsmith.model.words import CharCNN, CharLSTM, WordEmbedding
from tagsmith.ops.chain.on_torch import TorchChain
from tagsmith.ops.chain.types import Chain
from tagsmith.ops.dropout.on_torch import dropout
from tagsmith.ops.recurrence.kinds import KINDS
from tagsmith.ops.recurrence.on_torch import read_both_ways
from tagsmith.store import Model, layer_names, recurrence_kinds
from tagsmith.tensors import Ids

Weights = Mapping[str, NDArray[Any]]


class RecurrentLayer(nn.Module):
    """A bidirectional recurrence from initial state 0, of a kind in ``ops.recurrence.kinds``.

    Source: Ma and Hovy 2016, §2.2, for the LSTM.
    """

    def __init__(
        self, input_weight: nn.Parameter, state_weight: nn.Parameter, bias: nn.Parameter, *, kind: str
    ) -> None:
        super().__init__()
        self.input_weight, self.state_weight, self.bias = input_weight, state_weight, bias
        self.kind = kind

    def forward(self, inputs: Tensor, steps: Steps) -> Tensor:
        """Return the states after each word, in the order of the batch. Shape: [N, D] -> [N, 2H]."""
        return read_both_ways(inputs, steps, self.kind, self.input_weight, self.state_weight, self.bias)


class Network(nn.Module):
    """Word and spelling vectors, the encoder's layers and a head."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        weights, trained = model.weights, model.alphabets.trained
        self.config = model.config
        vectors = np.asarray(weights["words.vectors"], np.float32)
        self.words = WordEmbedding(_parameter(vectors[:trained]), torch.from_numpy(np.array(vectors[trained:])))
        self.chars = _spelling(model.config.chars, weights)
        for name in layer_names(model.config.encoder):
            self.add_module(name, RecurrentLayer(**_under(name, weights), kind=model.config.encoder.kind))
        self.head = _head(model.config.head, weights)

    def forward(self, batch: Batch) -> TorchChain:
        """Return the chain of scores over every sentence, in float32."""
        if self.training:
            batch = batch.spell_each()
        steps = time_steps(batch.lengths)
        settings, device = self.config.encoder, self.words.vectors.device
        words, spelling, chars, word_lengths, lengths = (
            torch.from_numpy(ids).to(device)
            for ids in (batch.words, batch.spelling, batch.chars, batch.word_lengths, batch.lengths)
        )
        states = self.words(words)
        if self.chars is not None:
            spelled = self.chars(chars, word_lengths)
            states = torch.cat([states, spelled if self.training else spelled[spelling]], 1)
        mask_of = None
        if settings.variational:
            mask_of = torch.arange(len(lengths), device=device).repeat_interleave(lengths)
        states = dropout(states, settings.dropout_in, self.training, mask_of)
        for name in layer_names(settings):
            states = dropout(self.get_submodule(name)(states, steps), settings.dropout_out, self.training, mask_of)
        return self.head(states, steps)

    def nll(self, batch: Batch, tags: Ids) -> Tensor:
        """Return the mean negative log-likelihood of the sentences' tags. Shape: tags [N] -> []."""
        chain = self(batch)
        return self.head.nll(chain, torch.from_numpy(tags).to(chain.emissions.device), batch.lengths)

    @torch.inference_mode()
    def chain(self, batch: Batch) -> Chain:
        """Return the chain of scores over every sentence as arrays, in float32."""
        return Chain(*(scores.cpu().numpy() for scores in self(batch)))

    def weights(self) -> dict[str, NDArray[Any]]:
        """Return a copy of all weights, under the names of the model file."""
        weights = {name: value.detach().cpu().numpy().copy() for name, value in self.named_parameters()}
        weights["words.vectors"] = np.concatenate([weights["words.vectors"], self.words.frozen.cpu().numpy()])
        return weights


def initial_weights(
    settings: config.Config, shapes: Mapping[str, tuple[int, ...]], rng: np.random.Generator
) -> dict[str, NDArray[np.float32]]:
    """Draw the weights that training starts from, without the word vectors.

    Vectors are uniform, matrices Glorot uniform (per gate), and biases 0, except those of forget gates, which are 1.

    Source: Ma and Hovy 2016, §3.1.
    """

    def uniform(bound: float, *shape: int) -> NDArray[np.float32]:
        return rng.uniform(-bound, bound, shape).astype(np.float32)

    def glorot(*shape: int, gates: int = 1) -> NDArray[np.float32]:
        return uniform((6 / (shape[-2] + shape[-1] / gates)) ** 0.5, *shape)

    weights = {name: np.zeros(shape, np.float32) for name, shape in shapes.items() if name != "words.vectors"}
    for name in _ending(weights, ".vectors"):
        weights[name] = uniform((3 / shapes[name][1]) ** 0.5, *shapes[name])
    for name in _ending(weights, ".weight", ".transitions"):
        weights[name] = glorot(*shapes[name])
    for layer, name in recurrence_kinds(settings).items():
        kind = KINDS[name]
        for matrix in (f"{layer}.input_weight", f"{layer}.state_weight"):
            weights[matrix] = glorot(*shapes[matrix], gates=len(kind.gates))
        by_gate = np.split(weights[f"{layer}.bias"], len(kind.gates), axis=1)
        for gate, value in kind.initial_bias.items():
            by_gate[kind.gates.index(gate)][:] = value
    return weights


def _ending(weights: Weights, *endings: str) -> list[str]:
    return [name for name in weights if name.endswith(endings)]


def _spelling(
    settings: config.CharCNNConfig | config.CharLSTMConfig | config.NoCharsConfig, weights: Weights
) -> nn.Module | None:
    match settings:
        case config.CharCNNConfig(activation=activation, dropout=rate):
            return CharCNN(**_under("chars", weights), activation=activation, dropout=rate)
        case config.CharLSTMConfig(dropout=rate):
            return CharLSTM(**_under("chars", weights), dropout=rate)
        case config.NoCharsConfig():
            return None


def _head(settings: config.CRFConfig | config.SoftmaxConfig, weights: Weights) -> Head:
    match settings:
        case config.CRFConfig(potentials="shared"):
            return SharedCRF(**_under("head", weights))
        case config.CRFConfig(potentials="bigram"):
            return BigramCRF(**_under("head", weights))
        case _:
            return SoftmaxHead(**_under("head", weights))


def _under(prefix: str, weights: Weights) -> dict[str, nn.Parameter]:
    """Return the parameters whose names begin with ``prefix.``, by the rest of the name."""
    named = {name.partition("."): array for name, array in weights.items()}
    return {rest: _parameter(array) for (first, _, rest), array in named.items() if first == prefix}


def _parameter(array: NDArray[Any]) -> nn.Parameter:
    return nn.Parameter(torch.from_numpy(np.array(array, np.float32)))
