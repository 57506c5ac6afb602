"""The character CNN in NumPy, compared with a loop over words and their windows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagsmith.ops.char_cnn import reference
from tagsmith.tensors import Floats

WORDS = st.lists(st.lists(st.integers(0, 4), min_size=1, max_size=6), min_size=1, max_size=6)


def char_cnn(words: list[list[int]], vectors: Floats, weight: Floats, bias: Floats) -> Floats:
    chars = np.array([c for word in words for c in word])
    return reference.char_cnn(chars, np.array([len(word) for word in words]), vectors, weight, bias)


def naive(word: list[int], vectors: Floats, weight: Floats, bias: Floats) -> Floats:
    window = weight.shape[1] // vectors.shape[1]
    zeros = [np.zeros(vectors.shape[1])] * (window // 2)
    padded = [*zeros, *vectors[word], *zeros]
    return np.max([weight @ np.concatenate(padded[i : i + window]) + bias for i in range(len(word))], axis=0)


def weights(rng: np.random.Generator, window: int) -> tuple[Floats, Floats, Floats]:
    return rng.normal(size=(5, 3)), rng.normal(size=(4, window * 3)), rng.normal(size=4)


@pytest.mark.parametrize("window", [1, 3, 5])
@given(WORDS, st.integers(0, 2**32 - 1))
@settings(max_examples=40)
def test_it_is_a_convolution_over_each_word(window: int, words: list[list[int]], seed: int) -> None:
    drawn = weights(np.random.default_rng(seed), window)
    expected = [naive(word, *drawn) for word in words]
    np.testing.assert_allclose(char_cnn(words, *drawn), expected, rtol=1e-12, atol=1e-12)


def test_a_word_has_the_same_vector_whatever_its_neighbours() -> None:
    rng = np.random.default_rng(0)
    drawn = weights(rng, 3)
    word, other, very_long = [1, 2], [3], rng.integers(0, 5, 5_000).tolist()
    alone = char_cnn([word], *drawn)[0]
    for words in ([word, other], [other, word], [very_long, word, very_long], [word, very_long]):
        np.testing.assert_allclose(char_cnn(words, *drawn)[words.index(word)], alone, rtol=1e-12)


def test_zeros_around_a_word_are_seen_but_are_no_places_of_their_own() -> None:
    vectors = np.array([[0.0], [1.0]])
    middle, left = np.array([[0.0, -1.0, 0.0]]), np.array([[1.0, 0.0, 0.0]])
    # A place outside the word would give 0, more than the word's own -1.
    assert char_cnn([[1], [1, 1, 1]], vectors, middle, np.zeros(1)).tolist() == [[-1.0], [-1.0]]
    # Left of a word's first character is 0, not the last character of the word before.
    assert char_cnn([[1], [1]], vectors, left, np.zeros(1)).tolist() == [[0.0], [0.0]]


@pytest.mark.parametrize(("activation", "expected"), [("none", -2.0), ("tanh", np.tanh(-2.0)), ("relu", 0.0)])
def test_the_activation_comes_after_the_maximum(activation: str, expected: float) -> None:
    arrays = np.array([[0.0], [2.0], [3.0]]), np.array([[-1.0]]), np.zeros(1)
    found = reference.char_cnn(np.array([2, 1]), np.array([2]), *arrays, activation)
    assert found.tolist() == [[expected]]
