"""Compiled recurrences against the reference's, over ragged sentences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagsmith.batching import time_steps
from tagsmith.ops.recurrence import reference as recurrence_reference
from tagsmith.ops.recurrence.compiled import lstm
from tagsmith.ops.recurrence.rnn import rnn
from tagsmith.ops.simd.tiles import pack

KINDS = {"lstm": (lstm, recurrence_reference.lstm, 4), "rnn": (rnn, recurrence_reference.rnn, 1)}
Recurrence = Callable[..., Any]


def states(
    recurrence: Recurrence, products: np.ndarray, which: np.ndarray, lengths: np.ndarray, weight: np.ndarray
) -> np.ndarray:
    """States read both ways in the order of the batch; what the kernel leaves unwritten is NaN."""
    longest_first = np.argsort(-lengths, kind="stable")
    starts = (np.cumsum(lengths) - lengths)[longest_first]
    out = np.full((len(which), 2 * weight.shape[1]), np.nan, np.float32)
    for direction in (0, 1):
        recurrence(products, which, starts, lengths[longest_first], pack(weight[direction]), direction, out)
    return out


def expected(
    recurrence: Recurrence, products: np.ndarray, which: np.ndarray, lengths: np.ndarray, weight: np.ndarray
) -> np.ndarray:
    steps, size = time_steps(lengths), weight.shape[1]
    out = np.empty((len(which), 2 * size), np.float32)
    for direction, order in enumerate(steps.order):
        ours = products[which[order], direction]
        out[order, direction * size : (direction + 1) * size] = recurrence(ours, weight[direction], steps.counts)
    return out


def problem(rng: np.random.Generator, gates: int, size: int, lengths: np.ndarray) -> tuple[np.ndarray, ...]:
    """Input products of 9 distinct words (and a NaN row that no word has), and a state weight."""
    products = rng.standard_normal((10, 2, gates * size)).astype(np.float32)
    products[9] = np.nan
    bound = size**-0.5  # a larger weight would make a plain RNN blow up the rounding of its first words
    weight = rng.uniform(-bound, bound, (2, size, gates * size)).astype(np.float32)
    return products, rng.integers(0, 9, lengths.sum()), lengths, weight


@pytest.mark.parametrize("kind", KINDS)
@given(st.lists(st.integers(1, 30), min_size=1, max_size=20), st.integers(1, 70), st.integers(0, 2**32 - 1))
def test_states_are_the_references(kind: str, lengths: list[int], size: int, seed: int):
    compiled, plain, gates = KINDS[kind]
    drawn = problem(np.random.default_rng(seed), gates, size, np.array(lengths))
    np.testing.assert_allclose(states(compiled, *drawn), expected(plain, *drawn), rtol=0, atol=2e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_sentence_has_the_same_bits_alone_and_in_any_batch(kind: str):
    compiled, _, gates = KINDS[kind]
    lengths = np.array([3, 9, 1, 9, 4, 4, 12, 2, 2, 5, 1])
    products, which, lengths, weight = problem(np.random.default_rng(3), gates, 37, lengths)
    together = states(compiled, products, which, lengths, weight)
    for end, length in zip(np.cumsum(lengths), lengths, strict=True):
        alone = states(compiled, products, which[end - length : end], np.array([length]), weight)
        assert np.array_equal(alone, together[end - length : end])


@pytest.mark.parametrize("kind", KINDS)
def test_one_layer_of_200_over_a_long_sentence(kind: str):
    compiled, plain, gates = KINDS[kind]
    drawn = problem(np.random.default_rng(4), gates, 200, np.array([2, 700, 1]))
    np.testing.assert_allclose(states(compiled, *drawn), expected(plain, *drawn), rtol=0, atol=5e-5)
