"""The NumPy kernels against loops over single words, sentences and paths."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tagsmith.batching import time_steps
from tagsmith.ops.chain import reference
from tagsmith.ops.char_cnn import reference as char_cnn_reference
from tagsmith.ops.recurrence import reference as recurrence_reference
from tests.support.enumeration import TinyChain, tiny_chain, tiny_chains

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
    return char_cnn_reference.char_cnn(chars, np.array([len(word) for word in words]), vectors, weight, bias)


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


KINDS = {"lstm": (recurrence_reference.lstm, torch_lstm, 4), "rnn": (recurrence_reference.rnn, naive_rnn, 1)}


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
    found = recurrence_reference.sigmoid(np.array([-1e4, -np.log(3), 0.0, np.log(3), 1e4]))
    np.testing.assert_allclose(found, [0.0, 0.25, 0.5, 0.75, 1.0], rtol=1e-14)


# The chain


@given(tiny_chains)
@settings(max_examples=60, deadline=None)
def test_forward_backward_sums_over_all_paths(chain: TinyChain) -> None:
    alphas, betas = reference.forward_backward(*chain.inputs())
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


@pytest.mark.parametrize("per_word", [False, True], ids=["shared", "per word"])
def test_viterbi_leaves_nothing_of_what_was_in_memory(dirty_memory: list[int], per_word: bool) -> None:
    chain = tiny_chain(1, [2, 4, 1, 4], per_word=per_word)
    assert chain.by_sentence(reference.viterbi(*chain.inputs())) == chain.best()
    assert {4, 11} <= set(dirty_memory)


def test_forward_backward_leaves_nothing_of_what_was_in_memory(dirty_memory: list[int]) -> None:
    chain = tiny_chain(1, [2, 4, 1, 4])
    alphas, betas = reference.forward_backward(*chain.inputs())
    np.testing.assert_allclose(reference.softmax(alphas + betas), chain.expectations()[0], rtol=1e-9, atol=1e-9)
    assert dirty_memory.count(11 * 3) >= 2
