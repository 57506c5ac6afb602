"""Networks side by side, compared with each network alone: chains, losses and gradients, for ragged batches."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tagsmith.model.network import Network
from tests.support.device_models import CHOSEN, PADDING, SENTENCES, TAGS, batch_of, corpus_of, make_model, stacked

pytest.importorskip("triton", reason="there is no Triton for this system")
from tagsmith.gpu.network import Weights, chains, look_up, loss
from tagsmith.ops.dropout.philox import PhiloxRandom

SETTINGS: dict[str, dict[str, Any]] = {
    "ner": {},
    "bigram": {"head.potentials": "bigram"},
    "softmax": {"head.kind": "softmax"},
    "tanh, wide window": {"chars.activation": "tanh", "chars.window": 5},
    "relu, two layers": {"chars.activation": "relu", "encoder.layers": 2},
    "no characters": {"chars.kind": "none"},
}


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_networks_side_by_side_equal_each_on_its_own(settings: dict[str, Any], device: str) -> None:
    models = [make_model(seed, settings) for seed in (0, 1)]
    corpus, weights = corpus_of(models[0], device), stacked(models, device)
    batch = batch_of(corpus, device)
    tags = torch.from_numpy(np.random.default_rng(1).integers(0, len(TAGS), batch.words.shape)).to(device)
    found = chains(weights, models[0].config, batch)
    losses = loss(weights, models[0].config, batch, tags)
    losses.sum().backward()
    for s, (model, numbers) in enumerate(zip(models, CHOSEN, strict=True)):
        alone = Network(model)
        one = model.alphabets.batch([SENTENCES[i] for i in numbers if i < PADDING])
        expected, count = alone.train()(one), len(one.words)
        for part, other in zip(found, expected, strict=True):
            mine = part[s, :count] if len(part[s]) == batch.words.shape[1] else part[s]
            rows = slice(1, None) if other.ndim == 3 else slice(None)  # nothing comes to the first word
            torch.testing.assert_close(mine[rows].cpu(), other[rows], atol=2e-5, rtol=2e-5)
        nll = alone.nll(one, tags[s, :count].cpu().numpy())
        nll.backward()
        torch.testing.assert_close(losses[s].cpu(), nll, atol=2e-5, rtol=2e-5)
        for name, parameter in alone.named_parameters():
            assert parameter.grad is not None
            gradient = gradient_of(weights, name)[s]
            dense = parameter.grad.to_dense() if parameter.grad.is_sparse else parameter.grad
            torch.testing.assert_close(gradient, dense, atol=2e-5, rtol=1e-4, msg=lambda m, n=name: f"{n}: {m}")


def gradient_of(weights: Weights, name: str) -> Tensor:
    gradient = weights[name].grad
    assert gradient is not None
    return gradient.cpu()


def seeds_on(device: str, *seeds: int) -> Tensor:
    return torch.tensor(seeds, device=device)


def test_dropout_depends_on_the_networks_seed_alone(device: str) -> None:
    model = make_model(0, {"encoder.dropout_in": 0.5, "encoder.dropout_out": 0.5, "chars.dropout": 0.5})
    corpus, weights = corpus_of(model, device), stacked([model, model, model], device)
    numbers = np.array([[0, 4]] * 3)
    batch = corpus.batch(torch.from_numpy(numbers).to(device), corpus.batch_shape(numbers, step=4))
    still = chains(weights, model.config, batch).emissions
    torch.testing.assert_close(still[0], still[1])
    first, second, third = chains(weights, model.config, batch, PhiloxRandom(seeds_on(device, 7, 8, 7))).emissions
    torch.testing.assert_close(first, third)
    assert (first - second).abs().max() > 0.1
    # More padding, and other networks beside it, change nothing.
    padded = corpus.batch(torch.from_numpy(numbers[:1]).to(device), corpus.batch_shape(numbers, step=64))
    alone = chains(stacked([model], device), model.config, padded, PhiloxRandom(seeds_on(device, 7))).emissions
    torch.testing.assert_close(alone[0, :12], first[:12])


def test_bfloat16_is_for_training_alone_and_its_chains_are_float32(device: str) -> None:
    exact, rounded = (
        make_model(0, {"training.precision": name, "encoder.layers": 2}) for name in ("float32", "bfloat16")
    )
    batch, weights = batch_of(corpus_of(exact, device), device), stacked([exact, exact], device)
    seeds = seeds_on(device, 1, 2)
    answers = [chains(weights, model.config, batch).emissions for model in (exact, rounded)]
    torch.testing.assert_close(answers[1], answers[0], rtol=0, atol=0)
    learning = [chains(weights, model.config, batch, PhiloxRandom(seeds)).emissions for model in (exact, rounded)]
    torch.testing.assert_close(learning[0], answers[0])  # there is no dropout
    assert learning[1].dtype == torch.float32
    assert 1e-4 < (learning[1] - answers[0]).abs().max() < 0.05


def test_rows_are_looked_up_in_each_networks_own_table() -> None:
    tables = torch.arange(12.0).view(2, 3, 2)
    assert look_up(tables, torch.tensor([[2, 0], [1, 1]])).tolist() == [[[4, 5], [0, 1]], [[8, 9], [8, 9]]]
