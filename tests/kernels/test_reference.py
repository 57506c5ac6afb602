"""The NumPy kernels against loops over single words, sentences and paths."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from enumeration import TinyChain, tiny_chain, tiny_chains
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tagsmith.batching import time_steps
from tagsmith.kernels import reference

Array = NDArray[Any]
LENGTHS = st.lists(st.integers(1, 4), min_size=1, max_size=5)
SEEDS = st.integers(0, 2**32 - 1)


@pytest.fixture
def dirty_memory(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Fresh arrays come full of NaN, or of ids that are none. Holds the size of each."""
    made: list[int] = []

    def filled(create: Callable[..., Array]) -> Callable[..., Array]:
        def dirty(*args: Any, **kwargs: Any) -> Array:
            array = create(*args, **kwargs)
            array.fill(np.nan if array.dtype.kind == "f" else 10**9)
            made.append(array.size)
            return array

        return dirty

    monkeypatch.setattr(np, "empty", filled(np.empty))
    monkeypatch.setattr(np, "empty_like", filled(np.empty_like))
    return made


# Spelling vectors


def char_cnn(words: list[list[int]], vectors: Array, weight: Array, bias: Array) -> Array:
    chars = np.array([c for word in words for c in word])
    return reference.char_cnn(chars, np.array([len(word) for word in words]), vectors, weight, bias)


def naive_char_cnn(word: list[int], vectors: Array, weight: Array, bias: Array) -> Array:
    window = weight.shape[1] // vectors.shape[1]
    zeros = [np.zeros(vectors.shape[1])] * (window // 2)
    padded = [*zeros, *vectors[word], *zeros]
    return np.max([weight @ np.concatenate(padded[i : i + window]) + bias for i in range(len(word))], axis=0)


def char_weights(rng: np.random.Generator, window: int) -> tuple[Array, Array, Array]:
    return rng.normal(size=(5, 3)), rng.normal(size=(4, window * 3)), rng.normal(size=4)


@given(st.lists(st.lists(st.integers(0, 4), min_size=1, max_size=6), min_size=1, max_size=6), SEEDS)
@pytest.mark.parametrize("window", [1, 3, 5])
@settings(max_examples=40)
def test_char_cnn_is_a_convolution_over_each_word(window: int, words: list[list[int]], seed: int) -> None:
    weights = char_weights(np.random.default_rng(seed), window)
    expected = [naive_char_cnn(word, *weights) for word in words]
    np.testing.assert_allclose(char_cnn(words, *weights), expected, rtol=1e-12, atol=1e-12)


def test_a_word_is_spelled_the_same_whatever_stands_beside_it() -> None:
    rng = np.random.default_rng(0)
    weights = char_weights(rng, 3)
    word, other, very_long = [1, 2], [3], rng.integers(0, 5, 5_000).tolist()
    alone = char_cnn([word], *weights)[0]
    for words in ([word, other], [other, word], [very_long, word, very_long], [word, very_long]):
        np.testing.assert_allclose(char_cnn(words, *weights)[words.index(word)], alone, rtol=1e-12)


def test_zeros_around_a_word_are_seen_but_are_no_places_of_their_own() -> None:
    vectors = np.array([[0.0], [1.0]])
    middle, left = np.array([[0.0, -1.0, 0.0]]), np.array([[1.0, 0.0, 0.0]])
    # A place outside the word would give 0, more than the word's own -1.
    assert char_cnn([[1], [1, 1, 1]], vectors, middle, np.zeros(1)).tolist() == [[-1.0], [-1.0]]
    # Left of a word's first character stands 0, not the last character of the word before.
    assert char_cnn([[1], [1]], vectors, left, np.zeros(1)).tolist() == [[0.0], [0.0]]


# The recurrences


def torch_lstm(inputs: Array, state_weight: Array) -> Array:
    """PyTorch's LSTM over one sentence whose input products are given."""
    size = len(state_weight)
    # PyTorch orders the gates i, f, g, o.
    gates = np.arange(4 * size).reshape(4, size)[[0, 1, 3, 2]].ravel()
    weights = {"weight_ih_l0": np.eye(4 * size)[gates], "weight_hh_l0": state_weight.T[gates]}
    lstm = torch.nn.LSTM(4 * size, size, bias=False, dtype=torch.float64)
    lstm.load_state_dict({name: torch.from_numpy(array) for name, array in weights.items()})
    with torch.no_grad():
        return lstm(torch.from_numpy(inputs))[0].numpy()


def naive_rnn(inputs: Array, state_weight: Array) -> Array:
    """States of one sentence, word by word."""
    states = [np.zeros(len(state_weight))]
    for word in inputs:
        states.append(np.tanh(word + states[-1] @ state_weight))
    return np.stack(states[1:])


KINDS = {"lstm": (reference.lstm, torch_lstm, 4), "rnn": (reference.rnn, naive_rnn, 1)}


def by_sentence(kind: str, lengths: list[int], inputs: Array, state_weight: Array) -> list[Array]:
    """The reference kernel's states, words in the order of the batch, cut into sentences."""
    steps = time_steps(np.array(lengths))
    hidden = np.zeros((len(inputs), len(state_weight)))
    hidden[steps.order[0]] = KINDS[kind][0](inputs[steps.order[0]], state_weight, steps.counts)
    return np.split(hidden, np.cumsum(lengths)[:-1])


@pytest.mark.parametrize("kind", KINDS)
@given(LENGTHS, SEEDS)
@settings(max_examples=25, deadline=None)
def test_a_recurrence_gives_each_sentence_what_it_gets_alone(kind: str, lengths: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    _, alone, gates = KINDS[kind]
    inputs, state_weight = rng.normal(size=(sum(lengths), 3 * gates)), rng.normal(size=(3, 3 * gates))
    sentences = np.split(inputs, np.cumsum(lengths)[:-1])
    for found, sentence in zip(by_sentence(kind, lengths, inputs, state_weight), sentences, strict=True):
        np.testing.assert_allclose(found, alone(sentence, state_weight), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_a_recurrence_leaves_nothing_of_what_was_in_memory(kind: str, dirty_memory: list[int]) -> None:
    rng = np.random.default_rng(0)
    kernel, _, gates = KINDS[kind]
    inputs, state_weight = rng.normal(size=(9, 2 * gates)), rng.normal(size=(2, 2 * gates))
    assert np.isfinite(kernel(inputs, state_weight, [3, 3, 2, 1])).all()
    assert 9 * 2 in dirty_memory


def test_sigmoid_is_exact_where_it_is_known_and_never_overflows() -> None:
    found = reference.sigmoid(np.array([-1e4, -np.log(3), 0.0, np.log(3), 1e4]))
    np.testing.assert_allclose(found, [0.0, 0.25, 0.5, 0.75, 1.0], rtol=1e-14)


# The chain


def in_time(chain: TinyChain) -> tuple[tuple[Array, Array, Array, Array, list[int]], NDArray[np.int64]]:
    """What the kernels take, words in order of time, and that order."""
    steps = time_steps(np.array(chain.lengths))
    order = steps.order[0]
    transitions = chain.transitions[order] if chain.transitions.ndim == 3 else chain.transitions
    return (chain.emissions[order], transitions, chain.start, chain.end, steps.counts), order


def viterbi(chain: TinyChain) -> list[tuple[int, ...]]:
    """The paths of the reference kernel, sentence by sentence."""
    arguments, order = in_time(chain)
    path = np.zeros(len(order), np.int64)
    path[order] = reference.viterbi(*arguments)
    return [tuple(path[list(words)].tolist()) for words in chain.ranges]


def forward_backward(chain: TinyChain) -> tuple[Array, Array]:
    """Alphas and betas of the reference kernel, words in the order of the batch."""
    arguments, order = in_time(chain)
    back = order.argsort()
    alphas, betas = reference.forward_backward(*arguments)
    return alphas[back], betas[back]


def forbid(chain: TinyChain, seed: int) -> TinyChain:
    """The chain with half of its steps at -inf; one path is always allowed: 0, 0, 0, ..."""
    rng = np.random.default_rng(seed)
    steps = [np.where(rng.random(s.shape) < 0.5, -np.inf, s) for s in (chain.transitions, chain.start, chain.end)]
    for scores in steps:
        scores[..., *[0] * min(scores.ndim, 2)] = 0.0
    return TinyChain(chain.lengths, chain.emissions, *steps)


def whole_numbers(chain: TinyChain, seed: int) -> TinyChain:
    """A chain like this one of small whole numbers, which add up exactly and are often equal."""
    rng = np.random.default_rng(seed)
    return TinyChain(chain.lengths, *(rng.integers(-1, 2, s.shape).astype(float) for s in chain.scores))


@given(tiny_chains)
@settings(max_examples=80, deadline=None)
def test_viterbi_finds_the_best_of_all_paths(chain: TinyChain) -> None:
    assert viterbi(chain) == chain.best()


@given(tiny_chains, SEEDS)
@settings(max_examples=60, deadline=None)
def test_viterbi_breaks_ties_towards_lower_ids_at_the_end(chain: TinyChain, seed: int) -> None:
    chain = whole_numbers(chain, seed)
    assert viterbi(chain) == chain.best()


@given(tiny_chains, SEEDS)
@settings(max_examples=60, deadline=None)
def test_viterbi_takes_no_forbidden_step_whatever_the_emissions_say(chain: TinyChain, seed: int) -> None:
    chain = forbid(chain, seed)
    found = viterbi(chain)
    assert found == chain.best()
    assert all(np.isfinite(chain.path_score(words, path)) for words, path in zip(chain.ranges, found, strict=True))


@pytest.mark.parametrize("per_word", [False, True], ids=["shared", "per word"])
def test_viterbi_leaves_nothing_of_what_was_in_memory(dirty_memory: list[int], per_word: bool) -> None:
    chain = tiny_chain(1, [2, 4, 1, 4], per_word=per_word)
    assert viterbi(chain) == chain.best()
    assert {4, 11} <= set(dirty_memory)


@given(tiny_chains)
@settings(max_examples=60, deadline=None)
def test_forward_backward_sums_over_all_paths(chain: TinyChain) -> None:
    alphas, betas = forward_backward(chain)
    marginals, pairs, *_ = chain.expectations()
    np.testing.assert_allclose(reference.softmax(alphas + betas), marginals, rtol=1e-9, atol=1e-9)
    log_z = np.logaddexp.reduce(alphas + betas, axis=1)
    for words, expected in zip(chain.ranges, chain.log_partitions(), strict=True):
        np.testing.assert_allclose(log_z[list(words)], expected, rtol=1e-9, atol=1e-9)
    # The gradient of the log-partition by the transitions, one word after another.
    found = np.zeros_like(pairs)
    for words in chain.ranges:
        for before, word in itertools.pairwise(words):
            step = chain.transitions[word] if chain.transitions.ndim == 3 else chain.transitions
            through = alphas[before][:, None] + step + chain.emissions[word] + betas[word] - log_z[word]
            found[word if chain.transitions.ndim == 3 else ...] += np.exp(through)
    np.testing.assert_allclose(found, pairs, rtol=1e-9, atol=1e-9)


@given(tiny_chains, SEEDS)
@settings(max_examples=60, deadline=None)
def test_marginals_are_those_of_the_allowed_paths(chain: TinyChain, seed: int) -> None:
    chain = forbid(chain, seed)
    alphas, betas = forward_backward(chain)
    np.testing.assert_allclose(reference.softmax(alphas + betas), chain.expectations()[0], rtol=1e-9, atol=1e-9)


def test_forward_backward_leaves_nothing_of_what_was_in_memory(dirty_memory: list[int]) -> None:
    chain = tiny_chain(1, [2, 4, 1, 4])
    alphas, betas = forward_backward(chain)
    np.testing.assert_allclose(reference.softmax(alphas + betas), chain.expectations()[0], rtol=1e-9, atol=1e-9)
    assert dirty_memory.count(11 * 3) >= 2


def test_marginals_stay_exact_over_a_very_long_sentence() -> None:
    chain = tiny_chain(6, [20_000], tags=2)
    alphas, betas = forward_backward(chain)
    marginals = reference.softmax(alphas + betas)
    # Far from both ends, a word's marginals are those it has within the hundred words around it.
    around = slice(10_000, 10_101)
    part = TinyChain([101], chain.emissions[around], chain.transitions, chain.start, chain.end)
    alphas, betas = forward_backward(part)
    np.testing.assert_allclose(marginals[10_050], reference.softmax(alphas + betas)[50], rtol=1e-9)
