"""S networks with the same settings side by side, each with its own weights: ``model.network`` in fixed shapes.

Nothing here waits for the host, so that a step can be recorded once as a CUDA graph and replayed. The weights have the
names of the model file, and S in front of their shapes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from tagsmith.config import CharCNNConfig, Config, CRFConfig, SoftmaxConfig
from tagsmith.gpu.device_corpus import DeviceBatch
from tagsmith.ops.chain.on_triton import nll
from tagsmith.ops.char_cnn.on_torch import ACTIVATIONS, first_maximum
from tagsmith.ops.dropout.philox import PhiloxRandom
from tagsmith.ops.recurrence.kinds import KINDS
from tagsmith.ops.recurrence.on_triton import first_words
from tagsmith.store import layer_names

Weights = Mapping[str, Tensor]


class StackedChains(NamedTuple):
    """The chains of every network."""

    emissions: Tensor
    """Shape: [S, N, K]."""
    transitions: Tensor
    """Shape: [S, K, K], or [S, N, K, K] where each word has its own."""
    start: Tensor
    """Shape: [S, K]."""
    end: Tensor
    """Shape: [S, K]."""


def chains(weights: Weights, config: Config, batch: DeviceBatch, random: PhiloxRandom | None = None) -> StackedChains:
    """Return the chains of scores over every sentence, in float32. In training, ``random`` draws the dropout."""

    def dropped(values: Tensor, rate: float) -> Tensor:
        if random is None:
            return values
        if config.encoder.variational:
            return random.dropout(values, rate, batch.sentence, batch.lengths.shape[1] + 1)
        return random.dropout(values, rate)

    states = dropped(word_inputs(weights, config, batch, random), config.encoder.dropout_in)
    exact = random is None or config.training.precision == "float32"
    for name in layer_names(config.encoder):
        layer = layer_weights(weights, name, torch.float32 if exact else torch.bfloat16)
        products = layer_products(layer, states)
        states = layer_states(config.encoder.kind, layer, products, batch.starts, batch.lengths)
        states = dropped(states, config.encoder.dropout_out)
    return head(weights, config.head, states, batch.starts, batch.lengths)


def loss(
    weights: Weights, config: Config, batch: DeviceBatch, tags: Tensor, random: PhiloxRandom | None = None
) -> Tensor:
    """Return the mean negative log-likelihood of the sentences' tags. Shape: tags [S, N] -> [S]."""
    each = nll(*chains(weights, config, batch, random), batch.starts, batch.lengths, tags.int())
    return each.sum(1) / (batch.lengths > 0).sum(1).clamp(min=1)


def word_inputs(weights: Weights, config: Config, batch: DeviceBatch, random: PhiloxRandom | None = None) -> Tensor:
    """Return the input of the first layer: word vectors and spelling vectors. Shape: [S, N, D]."""
    vectors = look_up(weights["words.vectors"], batch.words)
    if not isinstance(config.chars, CharCNNConfig):
        return vectors
    table = weights["chars.vectors"]
    gap = table.new_zeros(len(table), 1, table.shape[2])
    embedded = look_up(torch.cat([table, gap], 1), batch.chars)
    if random is not None:
        embedded = random.dropout(embedded, config.chars.dropout)
    width = embedded.shape[1] - config.chars.window + 1
    windows = torch.cat([embedded[:, shift : shift + width] for shift in range(config.chars.window)], 2)
    margin = config.chars.window // 2
    filtered = torch.baddbmm(weights["chars.bias"][:, None], windows, weights["chars.weight"].transpose(1, 2))
    word_of = batch.word_of[:, margin : margin + width]
    spelled = ACTIVATIONS[config.chars.activation](_max_over_time(filtered, word_of, batch.words.shape[1]))
    return torch.cat([vectors, spelled], 2)


class LayerWeights(NamedTuple):
    """The weights of both directions of a layer. Operands of its matrices are rounded to their dtype."""

    input_weight: Tensor
    """Shape: [S, 2, D, GH]."""
    state_weight: Tensor
    """Shape: [S, 2, H, GH]."""
    bias: Tensor
    """Shape: [S, 2, GH], float32."""


def layer_weights(weights: Weights, name: str, dtype: torch.dtype = torch.float32) -> LayerWeights:
    """Return the weights of a layer, with its matrices in ``dtype``."""
    into, state = (weights[f"{name}.{matrix}_weight"].to(dtype) for matrix in ("input", "state"))
    return LayerWeights(into, state, weights[f"{name}.bias"])


def layer_products(layer: LayerWeights, states: Tensor) -> Tensor:
    """Return the input products of both directions, in float32. Shape: [S, N, D] -> [S, 2, N, GH]."""
    products = states[:, None].to(layer.input_weight.dtype) @ layer.input_weight
    return products.float() + layer.bias[:, :, None]


def layer_states(kind: str, layer: LayerWeights, products: Tensor, starts: Tensor, lengths: Tensor) -> Tensor:
    """Return a layer's states after each word, read both ways. Shape: products [S, 2, N, GH] -> [S, N, 2H]."""
    found = KINDS[kind].on_triton
    assert found, f"no Triton kernel for {kind}"  # see gpu.missing_kernels
    return torch.cat(found()(products, layer.state_weight, starts, lengths).unbind(1), 2)


def head(
    weights: Weights, settings: CRFConfig | SoftmaxConfig, states: Tensor, starts: Tensor, lengths: Tensor
) -> StackedChains:
    """The chains of encoded words. Shape: states [S, N, 2H]."""
    scores = torch.baddbmm(weights["head.bias"][:, None], states, weights["head.weight"].transpose(1, 2))
    match settings:
        case SoftmaxConfig():
            zeros = scores.new_zeros(len(scores), scores.shape[2])
            return StackedChains(scores, zeros[:, None] + zeros[:, :, None], zeros, zeros)
        case CRFConfig(potentials="shared"):
            return StackedChains(
                scores,
                *(weights[f"head.{name}"] for name in ("transitions", "start_transitions", "end_transitions")),
            )
        case _:
            end = weights["head.end_transitions"]
            tags = end.shape[1]
            after, at_start = scores.split([tags * tags, tags], 2)
            begins = first_words(starts, lengths, states.shape[1])
            emissions = at_start.masked_fill(~begins[..., None], 0.0)
            return StackedChains(emissions, after.unflatten(2, (tags, tags)), torch.zeros_like(end), end)


def look_up(tables: Tensor, rows: Tensor) -> Tensor:
    """Return rows of each network's own table. Shape: tables [S, R, D], rows [S, N] -> [S, N, D]."""
    networks, count, _ = tables.shape
    first = torch.arange(networks, device=rows.device)[:, None] * count
    return torch.nn.functional.embedding(rows + first, tables.flatten(0, 1))


def _max_over_time(filtered: Tensor, word_of: Tensor, words: int) -> Tensor:
    """Return the maximum over each word's places, 0 if it has none. Shape: [S, P, F], [S, P] -> [S, N, F]."""
    networks, _, filters = filtered.shape
    first_word = torch.arange(networks, device=word_of.device)[:, None] * (words + 1)
    highest = first_maximum(filtered.flatten(0, 1), (word_of + first_word).flatten(), networks * (words + 1))
    spelled = highest.view(networks, words + 1, filters)[:, :words]
    has = torch.zeros(networks, words + 1, 1, dtype=torch.bool, device=word_of.device)
    has = has.scatter(1, word_of[..., None], True)[:, :words]
    return torch.where(has, spelled, 0.0)
