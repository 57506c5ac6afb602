"""Networks side by side against the network itself: chains, losses and gradients, for ragged batches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tagsmith import gpu
from tagsmith.batching import build_alphabets
from tagsmith.config import WordsConfig, configure
from tagsmith.model.network import Network
from tagsmith.store import Model, shapes

pytest.importorskip("triton", reason="there is no Triton for this system")
from tagsmith.gpu.device_corpus import DeviceBatch, DeviceCorpus, lay_out
from tagsmith.gpu.network import Weights, chains, loss
from tagsmith.ops.dropout.philox import PhiloxRandom

SENTENCES = [
    ["Ann", "saw", "the", "the", "Rhine"],
    ["Rain"],
    ["in", "1990", "Bob", "saw", "Bonn"],
    ["a", "b", "Donaudampfschifffahrt"],
    ["Ann", "and", "Bob", "saw", "rain", "in", "Bonn"],
]
TAGS = ("O", "B-PER", "I-PER", "B-LOC")
NO_DROPOUT = {"chars.dropout": 0.0, "encoder.dropout_in": 0.0, "encoder.dropout_out": 0.0}
CHOSEN = [[1, 4, 0], [2, 5, 3]]  # sentence 5 is none
NONE = len(SENTENCES)
SETTINGS: dict[str, dict[str, Any]] = {
    "ner": {},
    "bigram": {"head.potentials": "bigram"},
    "softmax": {"head.kind": "softmax"},
    "tanh, wide window": {"chars.activation": "tanh", "chars.window": 5},
    "relu, two layers": {"chars.activation": "relu", "encoder.layers": 2},
    "no characters": {"chars.kind": "none"},
}


def make_model(seed: int, settings: Mapping[str, Any] = {}) -> Model:
    chars = {} if settings.get("chars.kind") == "none" else {"chars.dim": 3, "chars.filters": 4}
    still = {name: rate for name, rate in NO_DROPOUT.items() if chars or not name.startswith("chars.")}
    config = configure(settings={"words.dim": 5, "encoder.size": 6, **chars, **still, **settings})
    alphabets, _ = build_alphabets(SENTENCES, WordsConfig())
    rng = np.random.default_rng(seed)
    weights = {
        name: rng.normal(0, 0.5, shape).astype(np.float32)
        for name, shape in shapes(config, alphabets, len(TAGS)).items()
    }
    return Model(config, alphabets, TAGS, weights, {})


def stacked(models: list[Model], device: str) -> dict[str, Tensor]:
    """The weights of several models, side by side."""
    return {
        name: torch.from_numpy(np.stack([model.weights[name] for model in models])).to(device).requires_grad_()
        for name in models[0].weights
    }


def corpus_of(model: Model, device: str) -> DeviceCorpus:
    return lay_out(model.alphabets.batch(SENTENCES), model.config.chars, len(model.alphabets.chars), device)


def batch_of(corpus: DeviceCorpus, device: str) -> DeviceBatch:
    room = corpus.room(np.array(CHOSEN), step=4)
    return corpus.batch(torch.tensor(CHOSEN, device=device), room)


def test_a_batch_is_put_together_from_the_numbers_of_its_sentences(device: str) -> None:
    model = make_model(0)
    corpus = corpus_of(model, device)
    batch = batch_of(corpus, device)
    for s, numbers in enumerate(CHOSEN):
        sentences = [SENTENCES[i] if i < NONE else [] for i in numbers]
        tokens = [token for sentence in sentences for token in sentence]
        expected = model.alphabets.batch([sentence for sentence in sentences if sentence])
        count = len(tokens)
        assert batch.lengths[s].tolist() == [len(sentence) for sentence in sentences]
        assert batch.starts[s].tolist() == np.cumsum([0, *map(len, sentences)])[:-1].tolist()
        assert batch.words[s, :count].tolist() == expected.words.tolist()
        assert set(batch.words[s, count:].tolist()) <= {0}
        assert batch.sentence[s].tolist()[count:] == [len(numbers)] * (batch.words.shape[1] - count)
        # The row of characters, read aloud: a gap before each word and behind the last.
        chars = [*model.alphabets.chars.strings, "_"]
        row = "".join(chars[i] or "?" for i in batch.chars[s].tolist())
        known = set(model.alphabets.chars.strings)
        spelled = ["".join(c if c in known else "?" for c in model.alphabets.spelling_of(t)) for t in tokens]
        assert row.rstrip("_") == "_" + "_".join(spelled)
        for word in range(count):
            at = (batch.word_of[s] == word).nonzero().flatten().tolist()
            assert row[at[0] : at[-1] + 1] == spelled[word]
            assert len(at) == len(tokens[word])


def test_room_is_enough_and_comes_in_steps() -> None:
    corpus = corpus_of(make_model(0), "cpu")
    room = corpus.room(np.array(CHOSEN), step=4)
    assert room == (16, 128)  # 13 words; 40 characters with their gaps
    assert corpus.room(np.array([[1]]), step=4) == (4, 32)
    assert corpus.room(np.array([[3]]), step=1) == (4, 32)  # the characters decide
    assert corpus.none == NONE


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
        one = model.alphabets.batch([SENTENCES[i] for i in numbers if i < NONE])
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


def test_dropout_is_of_a_networks_own_seed_and_only_draws_bring_it(device: str) -> None:
    model = make_model(0, {"encoder.dropout_in": 0.5, "encoder.dropout_out": 0.5, "chars.dropout": 0.5})
    corpus, weights = corpus_of(model, device), stacked([model, model, model], device)
    numbers = np.array([[0, 4]] * 3)
    batch = corpus.batch(torch.from_numpy(numbers).to(device), corpus.room(numbers, step=4))
    still = chains(weights, model.config, batch).emissions
    torch.testing.assert_close(still[0], still[1])
    first, second, third = chains(weights, model.config, batch, PhiloxRandom(seeds_on(device, 7, 8, 7))).emissions
    torch.testing.assert_close(first, third)
    assert (first - second).abs().max() > 0.1
    # More room, and other networks beside it, change nothing.
    roomy = corpus.batch(torch.from_numpy(numbers[:1]).to(device), corpus.room(numbers, step=64))
    alone = chains(stacked([model], device), model.config, roomy, PhiloxRandom(seeds_on(device, 7))).emissions
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


def test_draws_are_uniform_and_of_their_seed_and_site(device: str) -> None:
    draws = PhiloxRandom(seeds_on(device, 5, 2**61))
    first, second = draws.uniform(300, 7), draws.uniform(300, 7)
    again = PhiloxRandom(seeds_on(device, 2**61)).uniform(100, 7)
    torch.testing.assert_close(again[0], first[1, :100], rtol=0, atol=0)
    drawn = torch.cat([first.flatten(), second.flatten()]).cpu()
    assert len(drawn.unique()) > 0.999 * len(drawn)
    assert drawn.min() >= 0
    assert drawn.max() < 1
    counts = torch.histc(drawn, 10, 0, 1) / len(drawn)
    assert (counts - 0.1).abs().max() < 0.015


def test_variational_dropout_shares_a_mask_within_a_sentence(device: str) -> None:
    corpus = corpus_of(make_model(0), device)
    numbers = np.array([[4, 0]])
    batch = corpus.batch(torch.from_numpy(numbers).to(device), corpus.room(numbers, step=4))
    values = torch.ones(1, batch.words.shape[1], 40, device=device)
    dropped = PhiloxRandom(seeds_on(device, 1)).dropout(values, 0.5, batch.sentence, 3)
    first, second = dropped[0, :7], dropped[0, 7:12]
    assert (first == first[0]).all()
    assert (second == second[0]).all()
    assert not torch.equal(first[0], second[0])
    assert set(dropped.unique().tolist()) == {0.0, 2.0}


def test_what_can_not_run_says_why() -> None:
    assert gpu.obstacle(configure()) == ""
    assert gpu.obstacle(configure(settings={"encoder.kind": "rnn"})).startswith("encoder.kind=rnn")
    assert gpu.obstacle(configure(settings={"chars.kind": "lstm"})).startswith("chars.kind=lstm")
