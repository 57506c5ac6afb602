"""The network's parts against loops and PyTorch's own modules, and the weights it starts from."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from tagsmith.batching import Batch, build_alphabets, time_steps
from tagsmith.config import Encoder, Words, configure
from tagsmith.model import network as module
from tagsmith.model.network import CRF, BiLSTM, CharCNN, Network, WordVectors, dropout, initial_weights
from tagsmith.store import Model, shapes

SENTENCES = [
    ["Ann", "saw", "the", "the", "Rhine"],
    ["Rain"],
    ["a", "b", "Donaudampfschifffahrtsgesellschaft" * 20],
    ["Ann", "and", "Bob", "saw", "rain", "in", "Bonn"],
]
TAGS = ("O", "B-PER", "I-PER")
NO_DROPOUT = {"chars.dropout": 0.0, "encoder.dropout_in": 0.0, "encoder.dropout_out": 0.0}
THREE_DROPOUTS = {"chars.dropout": 0.1, "encoder.dropout_in": 0.2, "encoder.dropout_out": 0.3}


def make_model(settings: Mapping[str, Any] | None = None) -> Model:
    """A model of random weights, with two words that training never sees."""
    sizes = {"words.dim": 6, "chars.dim": 4, "chars.filters": 5, "encoder.size": 7}
    config = configure(settings={**sizes, **NO_DROPOUT, **(settings or {})})
    alphabets, _ = build_alphabets(SENTENCES, Words(), extra=["zebra", "yak"])
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


def test_dropout_zeroes_about_its_share_and_scales_the_rest_up() -> None:
    torch.manual_seed(0)
    values = torch.ones(200, 100, requires_grad=True)
    dropped = dropout(values, 0.25, training=True)
    assert set(dropped.unique().tolist()) == {0.0, torch.tensor(1 / 0.75).item()}
    assert (dropped == 0).float().mean().item() == pytest.approx(0.25, abs=0.01)
    dropped.sum().backward()
    assert values.grad is not None
    torch.testing.assert_close(values.grad, dropped.detach(), rtol=0, atol=0)


@pytest.mark.parametrize(("rate", "training"), [(0.0, True), (0.5, False)])
def test_dropout_does_nothing_at_rate_0_or_outside_training(rate: float, training: bool) -> None:
    values = torch.randn(3, 4)
    assert dropout(values, rate, training) is values


class Drops:
    """Stands in for dropout: drops nothing, and holds what it was called with."""

    def __init__(self) -> None:
        self.calls: list[tuple[tuple[int, ...], float, bool]] = []

    def __call__(self, values: Tensor, rate: float, training: bool) -> Tensor:
        self.calls.append((tuple(values.shape), rate, training))
        return values


def test_dropout_acts_in_three_places_and_training_is_otherwise_as_tagging(monkeypatch: pytest.MonkeyPatch) -> None:
    model = make_model(THREE_DROPOUTS)
    batch, network, drops = make_batch(model), Network(model), Drops()
    expected = network.eval()(batch)
    monkeypatch.setattr(module, "dropout", drops)
    found = network.train()(batch)
    words, chars = len(batch.words), sum(len(token) for sentence in SENTENCES for token in sentence)
    assert drops.calls == [((chars, 4), 0.1, True), ((words, 6 + 5), 0.2, True), ((words, 2 * 7), 0.3, True)]
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("place", sorted(THREE_DROPOUTS))
def test_each_dropout_alone_changes_training_and_never_tagging(place: str) -> None:
    plain, model = make_model(), make_model({place: 0.5})
    batch = make_batch(model)
    expected = Network(plain).eval()(batch)
    network = Network(model)
    torch.testing.assert_close(network.eval()(batch), expected, rtol=0, atol=0)
    torch.manual_seed(0)
    first, second = network.train()(batch), network(batch)
    assert not torch.allclose(first, expected, atol=1e-3)
    assert not torch.allclose(first, second, atol=1e-3)


def test_no_two_words_share_a_mask_even_if_they_are_spelled_alike() -> None:
    network = Network(make_model({"chars.dropout": 0.5})).train()
    spelled: list[Tensor] = []

    def keep(_module: torch.nn.Module, _inputs: object, output: Tensor) -> None:
        spelled.append(output)

    network.chars.register_forward_hook(keep)
    batch = make_batch(make_model(), [["Rhine"] * 4])
    torch.manual_seed(0)
    network(batch)
    assert spelled[0].shape == (4, 5)
    assert len(spelled[0].unique(dim=0)) == 4
    network.eval()(batch)
    assert spelled[1].shape == (1, 5)


# Word vectors


def test_words_in_training_and_words_from_elsewhere_have_their_own_rows() -> None:
    table = np.arange(12, dtype=np.float32).reshape(6, 2)
    vectors = WordVectors(table, trained=4).eval()
    words = torch.tensor([5, 0, 3, 4, 5])
    assert vectors(words).tolist() == table[words.numpy()].tolist()


def test_a_table_without_words_from_elsewhere_is_looked_up_as_well() -> None:
    table = np.arange(8, dtype=np.float32).reshape(4, 2)
    vectors = WordVectors(table, trained=4)
    assert vectors.eval()(torch.tensor([3, 0])).tolist() == [[6.0, 7.0], [0.0, 1.0]]
    assert vectors.train()(torch.tensor([3, 0])).tolist() == [[6.0, 7.0], [0.0, 1.0]]


def test_words_from_elsewhere_are_no_parameter_and_get_no_gradient() -> None:
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


def test_a_word_from_elsewhere_is_tagged_by_its_own_vector() -> None:
    model = make_model()
    zebra = model.alphabets.word_id("Zebra")
    assert zebra >= model.alphabets.trained
    batch = make_batch(model, [["Zebra"]])
    before = Network(model).eval()(batch)
    moved = {**model.weights, "words.vectors": model.weights["words.vectors"].copy()}
    moved["words.vectors"][zebra] += 1
    after = Network(Model(model.config, model.alphabets, TAGS, moved, {})).eval()(batch)
    assert not torch.allclose(before, after, atol=1e-3)


# Spelling vectors


def naive_char_cnn(words: list[list[int]], cnn: CharCNN) -> Tensor:
    dim, result = cnn.vectors.shape[1], []
    margin = cnn.weight.shape[1] // dim // 2
    zeros = cnn.vectors.new_zeros(margin, dim)
    for word in words:
        padded = torch.cat([zeros, cnn.vectors[word], zeros])
        seen = [padded[i : i + 2 * margin + 1].flatten() @ cnn.weight.T + cnn.bias for i in range(len(word))]
        result.append(torch.stack(seen).amax(0))
    return torch.stack(result)


def char_cnn(words: list[list[int]], cnn: CharCNN) -> Tensor:
    chars = torch.tensor([c for word in words for c in word])
    return cnn(chars, torch.tensor([len(word) for word in words]))


def make_char_cnn(window: int, rate: float = 0.0) -> CharCNN:
    rng = np.random.default_rng(window)
    shapes = (6, 3), (4, window * 3), (4,)
    return CharCNN(*(rng.normal(size=shape) for shape in shapes), dropout=rate).double()


@pytest.mark.parametrize("window", [1, 3, 5])
def test_char_cnn_and_its_gradients_are_those_of_a_loop_over_words(window: int) -> None:
    cnn = make_char_cnn(window)
    words = [[1, 2, 3], [4], [5, 5, 5, 5], [0, 1], list(range(6)) * 3]
    found, expected = char_cnn(words, cnn), naive_char_cnn(words, cnn)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    grad, parameters = torch.randn(found.shape, dtype=found.dtype), list(cnn.parameters())
    wanted = torch.autograd.grad(expected, parameters, grad)
    for ours, theirs in zip(torch.autograd.grad(found, parameters, grad), wanted, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-12)


def test_a_word_is_spelled_the_same_whatever_stands_beside_it() -> None:
    cnn = make_char_cnn(3)
    word, other, very_long = [1, 2], [3], [1, 2, 3, 4, 5] * 1_000
    alone = char_cnn([word], cnn)[0]
    for words in ([word, other], [other, word], [very_long, word, very_long], [word, very_long]):
        torch.testing.assert_close(char_cnn(words, cnn)[words.index(word)], alone, rtol=1e-12, atol=1e-12)


# The BiLSTM


def torch_bilstm(encoder: BiLSTM) -> torch.nn.LSTM:
    """PyTorch's module with the same weights."""
    inputs, size = encoder.input_weight.shape[1], encoder.state_weight.shape[1]
    gates = torch.arange(4 * size).view(4, size)[[0, 1, 3, 2]].flatten()  # PyTorch's order is i, f, g, o
    weights = {}
    for d, suffix in enumerate(("l0", "l0_reverse")):
        weights[f"weight_ih_{suffix}"] = encoder.input_weight[d].T[gates]
        weights[f"weight_hh_{suffix}"] = encoder.state_weight[d].T[gates]
        weights[f"bias_ih_{suffix}"] = encoder.bias[d][gates]
        weights[f"bias_hh_{suffix}"] = torch.zeros(4 * size)
    lstm = torch.nn.LSTM(inputs, size, bidirectional=True, dtype=torch.float64)
    lstm.load_state_dict(weights)
    return lstm


@pytest.mark.parametrize("lengths", [[1], [3, 1, 5, 2, 5], [2, 2]], ids=str)
def test_bilstm_is_pytorchs_on_each_sentence_alone(lengths: list[int]) -> None:
    rng = np.random.default_rng(0)
    weights = (rng.normal(size=shape) for shape in ((2, 4, 12), (2, 3, 12), (2, 12)))
    encoder = BiLSTM(*weights, settings=Encoder(size=3)).double().eval()
    lstm = torch_bilstm(encoder)
    inputs = torch.from_numpy(rng.normal(size=(sum(lengths), 4))).requires_grad_()
    found = encoder(inputs, time_steps(np.array(lengths)))
    expected = torch.cat([lstm(sentence)[0] for sentence in inputs.split(lengths)])
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)

    grad = torch.from_numpy(rng.normal(size=found.shape))
    ours = torch.autograd.grad(found, (inputs, encoder.bias), grad)
    biases = [lstm.get_parameter("bias_ih_l0"), lstm.get_parameter("bias_ih_l0_reverse")]
    theirs = torch.autograd.grad(expected, [inputs, *biases], grad)
    torch.testing.assert_close(ours[0], theirs[0], rtol=1e-9, atol=1e-11)
    ours_by_gate, theirs_by_gate = ours[1].view(2, 4, 3)[:, [0, 1, 3, 2]], torch.stack(theirs[1:]).view(2, 4, 3)
    torch.testing.assert_close(ours_by_gate, theirs_by_gate, rtol=1e-9, atol=1e-11)


# The CRF


def make_crf() -> CRF:
    rng = np.random.default_rng(5)
    return CRF(*(rng.normal(size=shape) for shape in ((3, 8), (3,), (3, 3), (3,), (3,))))


def log_probability(path: list[int], emissions: Tensor, crf: CRF) -> float:
    """log p of one sentence's path, from the scores of all of its paths."""

    def score(tags: tuple[int, ...]) -> float:
        steps = sum(crf.transitions[a, b].item() for a, b in itertools.pairwise(tags))
        ends = crf.start_transitions[tags[0]].item() + crf.end_transitions[tags[-1]].item()
        return steps + ends + sum(emissions[i, tag].item() for i, tag in enumerate(tags))

    scores = [score(tags) for tags in itertools.product(range(3), repeat=len(path))]
    return score(tuple(path)) - math.log(math.fsum(math.exp(s) for s in scores))


def test_nll_is_the_mean_of_the_sentences_own() -> None:
    crf, lengths = make_crf(), [2, 4, 1, 3]
    emissions, tags = torch.randn(10, 3), torch.randint(3, (10,))
    found = crf.nll(emissions, tags, time_steps(np.array(lengths)))
    each = [
        -log_probability(path.tolist(), e, crf)
        for path, e in zip(tags.split(lengths), emissions.split(lengths), strict=True)
    ]
    assert found.item() == pytest.approx(sum(each) / 4, rel=1e-5)
    assert found.dtype == torch.float32


def test_the_crf_is_float32_and_unchanged_under_autocast() -> None:
    crf, steps = make_crf(), time_steps(np.array([2, 3]))
    encoded, tags = torch.randn(5, 8), torch.tensor([0, 1, 2, 0, 1])
    emissions = crf.emissions(encoded)
    nll = crf.nll(emissions, tags, steps)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert (encoded @ crf.weight.T).dtype == torch.bfloat16  # autocast is on
        cast = crf.emissions(encoded)
        cast_nll = crf.nll(cast, tags, steps)
        from_half = crf.nll(emissions.bfloat16(), tags, steps)
    assert cast.dtype == cast_nll.dtype == from_half.dtype == torch.float32
    assert torch.equal(cast, emissions)
    assert torch.equal(cast_nll, nll)
    assert torch.equal(from_half, crf.nll(emissions.bfloat16().float(), tags, steps))


# The whole network


def test_a_batch_gives_each_sentence_the_emissions_it_gets_alone() -> None:
    model = make_model()
    network = Network(model).eval()
    together = network(make_batch(model)).split([len(sentence) for sentence in SENTENCES])
    for emissions, sentence in zip(together, SENTENCES, strict=True):
        torch.testing.assert_close(emissions, network(make_batch(model, [sentence])), rtol=1e-5, atol=1e-5)


def test_the_order_of_the_sentences_changes_no_emission() -> None:
    model = make_model()
    network = Network(model).eval()
    lengths = [len(sentence) for sentence in SENTENCES]
    forwards = network(make_batch(model)).split(lengths)
    backwards = network(make_batch(model, SENTENCES[::-1])).split(lengths[::-1])
    for a, b in zip(forwards, backwards[::-1], strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5)


def test_the_network_trains_under_autocast_with_a_float32_head() -> None:
    model = make_model()
    network, batch = Network(model).train(), make_batch(model)
    exact = network.nll(batch, some_tags(batch))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        emissions = network(batch)
        nll = network.nll(batch, some_tags(batch))
    nll.backward()
    assert emissions.dtype == nll.dtype == torch.float32
    assert nll.item() == pytest.approx(exact.item(), rel=0.02)
    assert nll.item() != exact.item()  # the encoder did run in bfloat16
    for parameter in network.parameters():
        assert parameter.grad is not None
        assert parameter.grad.isfinite().all()


def gradients(model: Model) -> list[Tensor]:
    network, batch = Network(model).train(), make_batch(model)
    return list(torch.autograd.grad(network.nll(batch, some_tags(batch)), list(network.parameters())))


def test_nothing_is_read_of_what_was_in_memory(request: pytest.FixtureRequest) -> None:
    model = make_model()
    expected = gradients(model)
    dirty_memory: list[str] = request.getfixturevalue("dirty_memory")
    found = gradients(model)
    assert dirty_memory.count("empty_like") >= 4
    for ours, theirs in zip(found, expected, strict=True):
        assert torch.equal(ours, theirs)


def test_weights_are_the_models_own_under_its_names() -> None:
    model = make_model()
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
    weights = initial_weights(SHAPES, np.random.default_rng(0))[name]
    assert weights.shape == SHAPES[name]
    # Every gate of every direction fills its range: none has a bound of its own.
    gates = weights.reshape(2, -1, 4, 40).swapaxes(1, 2).reshape(8, -1) if name.startswith("encoder") else [weights]
    for values in gates:
        assert 0.97 * bound < values.max() <= bound * (1 + 1e-6)
        assert -bound * (1 + 1e-6) <= values.min() < -0.97 * bound
        assert values.std() == pytest.approx(bound / math.sqrt(3), rel=0.1)


def test_forget_gates_start_at_1_and_all_else_that_is_added_at_0() -> None:
    weights = initial_weights(SHAPES, np.random.default_rng(0))
    bias = weights["encoder.bias"].reshape(2, 4, 40)  # gates i, f, o, g
    assert (bias[:, 1] == 1.0).all()
    assert (bias[:, [0, 2, 3]] == 0.0).all()
    for name in ("chars.bias", "head.bias", "head.start_transitions", "head.end_transitions"):
        assert weights[name].shape == SHAPES[name]
        assert not weights[name].any()


def test_initial_weights_are_all_but_the_word_vectors_in_float32() -> None:
    weights = initial_weights(SHAPES, np.random.default_rng(0))
    assert weights.keys() == SHAPES.keys() - {"words.vectors"}
    assert {array.dtype for array in weights.values()} == {np.dtype(np.float32)}


def test_a_seed_fixes_the_initial_weights() -> None:
    one, same, other = (initial_weights(SHAPES, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert all(np.array_equal(one[name], same[name]) for name in one)
    assert not np.array_equal(one["head.weight"], other["head.weight"])
