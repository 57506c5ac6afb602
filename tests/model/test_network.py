"""The network as a whole, and its initial weights."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from tagsmith.batching import Batch, build_alphabets
from tagsmith.config import WordsConfig, configure
from tagsmith.model import network, words
from tagsmith.model.network import Network, initial_weights
from tagsmith.ops.chain.on_torch import TorchChain
from tagsmith.store import Model, shapes
from tests.support.recipes import RECIPES

SENTENCES = [
    ["Ann", "saw", "the", "the", "Rhine"],
    ["Rain"],
    ["a", "b", "Donaudampfschifffahrtsgesellschaft" * 20],
    ["Ann", "and", "Bob", "saw", "rain", "in", "Bonn"],
]
TAGS = ("O", "B-PER", "I-PER")
NO_DROPOUT = {"encoder.dropout_in": 0.0, "encoder.dropout_out": 0.0}
every_recipe = pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
THREE_DROPOUTS = {"chars.dropout": 0.1, "encoder.dropout_in": 0.2, "encoder.dropout_out": 0.3}


def make_model(settings: Mapping[str, Any] | None = None) -> Model:
    """A model of random weights without dropout, with two words that training never sees."""
    sizes = {"words.dim": 6, "encoder.size": 7}
    chars = {"chars.dim": 4, "chars.filters": 5} if "chars.kind" not in (settings or {}) else {}
    still = {} if (settings or {}).get("chars.kind") == "none" else {"chars.dropout": 0.0}
    config = configure(settings={**sizes, **chars, **still, **NO_DROPOUT, **(settings or {})})
    alphabets, _ = build_alphabets(SENTENCES, WordsConfig(), extra=["zebra", "yak"])
    rng = np.random.default_rng(0)
    weights = {
        name: rng.normal(0, 0.5, shape).astype(np.float32)
        for name, shape in shapes(config, alphabets, len(TAGS)).items()
    }
    return Model(config, alphabets, TAGS, weights, {})


def make_batch(model: Model, sentences: list[list[str]] = SENTENCES) -> Batch:
    return model.alphabets.batch(sentences)


def some_tags(batch: Batch) -> NDArray[np.int64]:
    return np.random.default_rng(1).integers(0, len(TAGS), len(batch.words))


# Dropout


class Drops:
    """A replacement for dropout that drops nothing and records its calls."""

    def __init__(self) -> None:
        self.calls: list[tuple[tuple[int, ...], float, bool]] = []
        self.masks: list[list[int] | None] = []

    def __call__(self, values: Tensor, rate: float, training: bool, mask_of: Tensor | None = None) -> Tensor:
        self.calls.append((tuple(values.shape), rate, training))
        self.masks.append(None if mask_of is None else mask_of.tolist())
        return values


@pytest.mark.parametrize("variational", [False, True])
@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("chars", ["cnn", "lstm"])
def test_dropout_acts_before_the_spelling_before_the_encoder_and_after_each_layer(
    chars: str, layers: int, variational: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"chars.kind": chars, "encoder.layers": layers, "encoder.variational": variational}
    model = make_model({**settings, "chars.dim": 4, **THREE_DROPOUTS})
    batch, built, drops = make_batch(model), Network(model), Drops()
    expected = built.eval()(batch)
    monkeypatch.setattr(network, "dropout", drops)
    monkeypatch.setattr(words, "dropout", drops)
    found = built.train()(batch)
    count, letters = len(batch.words), sum(len(token) for sentence in SENTENCES for token in sentence)
    width = 6 + model.config.chars.width
    after = [((count, 2 * 7), 0.3, True)] * layers
    assert drops.calls == [((letters, 4), 0.1, True), ((count, width), 0.2, True), *after]
    sentence = [i for i, tokens in enumerate(SENTENCES) for _ in tokens] if variational else None
    assert drops.masks == [None, *[sentence] * (1 + layers)]
    for ours, theirs in zip(found, expected, strict=True):  # training is otherwise as tagging
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("place", sorted(THREE_DROPOUTS))
def test_each_dropout_alone_changes_training_and_never_tagging(place: str) -> None:
    plain, model = make_model(), make_model({place: 0.5})
    batch = make_batch(model)
    expected = Network(plain).eval()(batch).emissions
    built = Network(model)
    torch.testing.assert_close(built.eval()(batch).emissions, expected, rtol=0, atol=0)
    torch.manual_seed(0)
    first, second = built.train()(batch).emissions, built(batch).emissions
    assert not torch.allclose(first, expected, atol=1e-3)
    assert not torch.allclose(first, second, atol=1e-3)


@pytest.mark.parametrize("kind", ["cnn", "lstm"])
def test_no_two_words_share_a_mask_even_if_they_are_spelled_alike(kind: str) -> None:
    model = make_model({"chars.kind": kind, "chars.dropout": 0.5})
    built = Network(model).train()
    spelled: list[Tensor] = []

    def keep(_module: torch.nn.Module, _inputs: object, output: Tensor) -> None:
        spelled.append(output)

    assert built.chars is not None
    built.chars.register_forward_hook(keep)
    batch = make_batch(model, [["Rhine"] * 4])
    torch.manual_seed(0)
    built(batch)
    assert spelled[0].shape == (4, model.config.chars.width)
    assert len(spelled[0].unique(dim=0)) == 4
    built.eval()(batch)
    assert spelled[1].shape == (1, model.config.chars.width)


# Frozen words


def test_frozen_words_are_no_parameter_and_get_no_gradient() -> None:
    model = make_model()
    network, batch = Network(model).train(), make_batch(model)
    network.nll(batch, some_tags(batch)).backward()
    trained, words = model.alphabets.trained, len(model.alphabets.words)
    assert (trained, words) == (len(model.alphabets.words) - 2, len(network.words.vectors) + 2)
    for parameter in network.parameters():
        assert parameter.grad is not None
        assert parameter.grad.shape[0] != words
    assert network.words.vectors.grad is not None
    assert network.words.vectors.grad.shape == (trained, 6)
    assert network.words.frozen.grad is None
    assert not network.words.frozen.requires_grad
    assert "words.frozen" not in network.state_dict()


def test_a_frozen_word_is_tagged_by_its_own_vector() -> None:
    model = make_model()
    zebra = model.alphabets.word_id("Zebra")
    assert zebra >= model.alphabets.trained
    batch = make_batch(model, [["Zebra"]])
    before = Network(model).eval()(batch).emissions
    moved = {**model.weights, "words.vectors": model.weights["words.vectors"].copy()}
    moved["words.vectors"][zebra] += 1
    after = Network(Model(model.config, model.alphabets, TAGS, moved, {})).eval()(batch).emissions
    assert not torch.allclose(before, after, atol=1e-3)


# The whole network


def by_sentence(chain: TorchChain, sentences: list[list[str]]) -> list[tuple[Tensor, Tensor]]:
    """Emissions and transitions of each sentence; the transitions to a first word mean nothing."""
    lengths = [len(sentence) for sentence in sentences]
    if chain.transitions.ndim == 2:
        return [(emissions, chain.transitions) for emissions in chain.emissions.split(lengths)]
    parts = zip(chain.emissions.split(lengths), chain.transitions.split(lengths), strict=True)
    return [(emissions, transitions[1:]) for emissions, transitions in parts]


@every_recipe
def test_a_sentence_gets_the_same_scores_in_any_batch_in_any_order(recipe: dict[str, Any]) -> None:
    model = make_model(recipe)
    built = Network(model).eval()
    together = by_sentence(built(make_batch(model)), SENTENCES)
    reordered = by_sentence(built(make_batch(model, SENTENCES[::-1])), SENTENCES[::-1])[::-1]
    alone = [by_sentence(built(make_batch(model, [sentence])), [sentence])[0] for sentence in SENTENCES]
    for found in (reordered, alone):
        for ours, theirs in zip(found, together, strict=True):
            for a, b in zip(ours, theirs, strict=True):
                torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)


@every_recipe
def test_every_parameter_learns_and_the_order_of_the_sentences_changes_no_gradient(recipe: dict[str, Any]) -> None:
    model = make_model(recipe)
    batch, reordered = make_batch(model), make_batch(model, SENTENCES[::-1])
    tags = np.split(some_tags(batch), np.cumsum(batch.lengths)[:-1])
    built = Network(model).double().eval()
    learned = dict(built.named_parameters())
    found, other = (
        torch.autograd.grad(built.nll(sentences, np.concatenate(gold)), list(learned.values()))
        for sentences, gold in ((batch, tags), (reordered, tags[::-1]))
    )
    for name, ours, theirs in zip(learned, found, other, strict=True):
        torch.testing.assert_close(ours.to_dense(), theirs.to_dense(), rtol=1e-9, atol=1e-12)
        assert ours.to_dense().any(), name


def test_the_network_trains_under_autocast_with_a_float32_head() -> None:
    model = make_model()
    network, batch = Network(model).train(), make_batch(model)
    exact = network.nll(batch, some_tags(batch))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        emissions = network(batch).emissions
        nll = network.nll(batch, some_tags(batch))
    nll.backward()
    assert emissions.dtype == nll.dtype == torch.float32
    assert nll.item() == pytest.approx(exact.item(), rel=0.02)
    assert nll.item() != exact.item()  # the encoder did run in bfloat16
    for parameter in network.parameters():
        assert parameter.grad is not None
        assert parameter.grad.to_dense().isfinite().all()


def gradients(model: Model) -> list[Tensor]:
    network, batch = Network(model).train(), make_batch(model)
    found = torch.autograd.grad(network.nll(batch, some_tags(batch)), list(network.parameters()))
    return [gradient.to_dense() for gradient in found]


def test_no_memory_is_read_before_it_is_written(request: pytest.FixtureRequest) -> None:
    model = make_model()
    expected = gradients(model)
    dirty_memory: list[str] = request.getfixturevalue("dirty_memory")
    found = gradients(model)
    assert dirty_memory.count("empty_like") >= 3
    for ours, theirs in zip(found, expected, strict=True):
        assert torch.equal(ours, theirs)


@every_recipe
def test_weights_are_the_models_own_under_its_names(recipe: dict[str, Any]) -> None:
    model = make_model(recipe)
    weights = Network(model).weights()
    assert weights.keys() == model.weights.keys()
    for name, array in weights.items():
        assert np.array_equal(array, model.weights[name]), name


def test_weights_are_copies() -> None:
    model = make_model()
    network = Network(model)
    weights = network.weights()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(1)
    for name, array in weights.items():
        assert np.array_equal(array, model.weights[name]), name


# Initial weights


CONFIG = configure(settings={"encoder.size": 40})
SHAPES = {
    "words.vectors": (1_000, 50),
    "chars.vectors": (200, 30),
    "chars.weight": (60, 3 * 30),
    "chars.bias": (60,),
    "encoder.input_weight": (2, 110, 4 * 40),
    "encoder.state_weight": (2, 40, 4 * 40),
    "encoder.bias": (2, 4 * 40),
    "head.weight": (17, 2 * 40),
    "head.bias": (17,),
    "head.transitions": (17, 17),
    "head.start_transitions": (17,),
    "head.end_transitions": (17,),
}


@pytest.mark.parametrize(
    ("name", "bound"),
    [
        ("chars.vectors", math.sqrt(3 / 30)),
        ("chars.weight", math.sqrt(6 / (60 + 90))),
        ("encoder.input_weight", math.sqrt(6 / (110 + 40))),
        ("encoder.state_weight", math.sqrt(6 / (40 + 40))),
        ("head.weight", math.sqrt(6 / (17 + 80))),
        ("head.transitions", math.sqrt(6 / (17 + 17))),
    ],
)
def test_matrices_are_uniform_up_to_their_bound(name: str, bound: float) -> None:
    weights = initial_weights(CONFIG, SHAPES, np.random.default_rng(0))[name]
    assert weights.shape == SHAPES[name]
    # Every gate of every direction fills its range: none has a bound of its own.
    gates = weights.reshape(2, -1, 4, 40).swapaxes(1, 2).reshape(8, -1) if name.startswith("encoder") else [weights]
    for values in gates:
        assert 0.97 * bound < values.max() <= bound * (1 + 1e-6)
        assert -bound * (1 + 1e-6) <= values.min() < -0.97 * bound
        assert values.std() == pytest.approx(bound / math.sqrt(3), rel=0.1)


def test_forget_gates_start_at_1_and_all_else_that_is_added_at_0() -> None:
    weights = initial_weights(CONFIG, SHAPES, np.random.default_rng(0))
    bias = weights["encoder.bias"].reshape(2, 4, 40)  # gates i, f, o, g
    assert (bias[:, 1] == 1.0).all()
    assert (bias[:, [0, 2, 3]] == 0.0).all()
    for name in ("chars.bias", "head.bias", "head.start_transitions", "head.end_transitions"):
        assert weights[name].shape == SHAPES[name]
        assert not weights[name].any()


@pytest.mark.parametrize(("kind", "gates"), [("lstm", 4), ("gru", 3), ("rnn", 1)])
def test_every_recurrence_starts_alike_whatever_its_input(kind: str, gates: int) -> None:
    chosen = {"chars.kind": "lstm", "chars.dim": 30, "chars.size": 40, "encoder.size": 50, "words.dim": 60}
    config = configure(settings={**chosen, "encoder.kind": kind, "encoder.layers": 3, "head.potentials": "bigram"})
    listed = shapes(config, make_model().alphabets, 9)
    weights = initial_weights(config, listed, np.random.default_rng(0))
    layers = [("chars", 30, 40, 4), ("encoder", 60 + 80, 50, gates), *((f"encoder{i}", 100, 50, gates) for i in (2, 3))]
    for name, inputs, size, gates_here in layers:
        for matrix, rows in (("input_weight", inputs), ("state_weight", size)):
            bound = math.sqrt(6 / (rows + size))
            highest = np.abs(weights[f"{name}.{matrix}"].reshape(2, rows, gates_here, size)).max((1, 3))
            assert ((0.97 * bound < highest) & (highest <= bound * (1 + 1e-6))).all()
        bias = weights[f"{name}.bias"].reshape(2, gates_here, size)
        if gates_here == 4:
            assert (bias[:, 1] == 1.0).all()
            bias = np.delete(bias, 1, axis=1)
        assert not bias.any()
    bound = math.sqrt(6 / (10 * 9 + 100))
    assert 0.97 * bound < np.abs(weights["head.weight"]).max() <= bound * (1 + 1e-6)
    assert not weights["head.bias"].any()
    assert not weights["head.end_transitions"].any()
    assert weights.keys() == listed.keys() - {"words.vectors"}


def test_initial_weights_are_all_but_the_word_vectors_in_float32() -> None:
    weights = initial_weights(CONFIG, SHAPES, np.random.default_rng(0))
    assert weights.keys() == SHAPES.keys() - {"words.vectors"}
    assert {array.dtype for array in weights.values()} == {np.dtype(np.float32)}


def test_a_seed_fixes_the_initial_weights() -> None:
    one, same, other = (initial_weights(CONFIG, SHAPES, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert all(np.array_equal(one[name], same[name]) for name in one)
    assert not np.array_equal(one["head.weight"], other["head.weight"])
