"""The chain's log-partition, its gradient and path scores, against all paths written out."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tagsmith.batching import Steps, time_steps
from tagsmith.model.chain import LogPartition, path_score

TAGS = 3
LENGTHS = st.lists(st.integers(1, 4), min_size=1, max_size=5)
RAGGED = [[1], [4], [1, 1], [2, 4, 1, 3]]


def steps_of(lengths: list[int]) -> Steps:
    return time_steps(np.array(lengths))


def random_chain(seed: int, words: int, tags: int = TAGS) -> list[Tensor]:
    """Emissions, transitions, start and end."""
    generator = torch.Generator().manual_seed(seed)
    shapes = (words, tags), (tags, tags), (tags,), (tags,)
    return [torch.randn(s, generator=generator, dtype=torch.float64).mul(2).requires_grad_() for s in shapes]


def score_of(path: tuple[int, ...], emissions: Tensor, transitions: Tensor, start: Tensor, end: Tensor) -> float:
    score = start[path[0]] + end[path[-1]]
    for i, tag in enumerate(path):
        score = score + emissions[i, tag]
    for a, b in itertools.pairwise(path):
        score = score + transitions[a, b]
    return score.item()


def enumerate_paths(lengths: list[int], chain: list[Tensor]) -> tuple[float, list[Tensor]]:
    """The log-partition summed over the sentences, and how often each score is used in expectation."""
    emissions, *rest = (scores.detach() for scores in chain)
    expected = [torch.zeros_like(scores) for scores in (emissions, *rest)]
    total, first = 0.0, 0
    for length in lengths:
        scores = {
            path: score_of(path, emissions[first : first + length], *rest)
            for path in itertools.product(range(TAGS), repeat=length)
        }
        top = max(scores.values())
        log_z = top + math.log(math.fsum(math.exp(score - top) for score in scores.values()))
        for path, score in scores.items():
            probability = math.exp(score - log_z)
            for i, tag in enumerate(path):
                expected[0][first + i, tag] += probability
            for a, b in itertools.pairwise(path):
                expected[1][a, b] += probability
            expected[2][path[0]] += probability
            expected[3][path[-1]] += probability
        total += log_z
        first += length
    return total, expected


def log_partition(lengths: list[int], chain: list[Tensor]) -> Tensor:
    result = LogPartition.apply(*chain, steps_of(lengths))
    assert isinstance(result, Tensor)
    return result


def compare_with_enumeration(lengths: list[int], seed: int) -> None:
    chain = random_chain(seed, sum(lengths))
    total, expected = enumerate_paths(lengths, chain)
    found = log_partition(lengths, chain)
    assert found.item() == pytest.approx(total, rel=1e-12)
    for ours, theirs in zip(torch.autograd.grad(found, chain), expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-12)


@given(LENGTHS, st.integers(0, 2**31))
@settings(max_examples=15, deadline=None)
def test_value_and_marginals_are_those_of_all_paths(lengths: list[int], seed: int) -> None:
    compare_with_enumeration(lengths, seed)


@pytest.mark.parametrize("lengths", RAGGED, ids=str)
def test_the_gradient_is_that_of_finite_differences(lengths: list[int]) -> None:
    chain = random_chain(1, sum(lengths))
    assert torch.autograd.gradcheck(lambda *scores: LogPartition.apply(*scores, steps_of(lengths)), chain)


def test_the_gradient_is_scaled_by_the_one_that_comes_in() -> None:
    chain = random_chain(2, 5)
    once = torch.autograd.grad(log_partition([2, 3], chain), chain)
    thrice = torch.autograd.grad(3 * log_partition([2, 3], chain), chain)
    for one, three in zip(once, thrice, strict=True):
        torch.testing.assert_close(three, 3 * one)


def test_large_scores_do_not_overflow() -> None:
    chain = [scores.detach().mul(1e4).requires_grad_() for scores in random_chain(3, 4)]
    total, expected = enumerate_paths([4], chain)
    found = log_partition([4], chain)
    assert found.item() == pytest.approx(total, rel=1e-12)
    for ours, theirs in zip(torch.autograd.grad(found, chain), expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-9)


def test_marginals_stay_exact_in_float32_over_a_very_long_sentence() -> None:
    exact = random_chain(4, 3_000)
    rounded = [scores.detach().float().requires_grad_() for scores in exact]
    exact = [scores.detach().double().requires_grad_() for scores in rounded]
    found = torch.autograd.grad(log_partition([3_000], rounded), rounded)
    expected = torch.autograd.grad(log_partition([3_000], exact), exact)
    torch.testing.assert_close(found[0].double(), expected[0], rtol=0, atol=2e-3)
    torch.testing.assert_close(found[1].double(), expected[1], rtol=1e-3, atol=0)


def test_nothing_is_read_of_what_was_in_memory(dirty_memory: list[str]) -> None:
    compare_with_enumeration([2, 4, 1, 4], seed=5)
    assert "empty_like" in dirty_memory


@given(LENGTHS, st.integers(0, 2**31))
@settings(max_examples=25, deadline=None)
def test_path_score_adds_up_each_sentences_own_steps(lengths: list[int], seed: int) -> None:
    emissions, *rest = random_chain(seed, sum(lengths))
    tags = torch.from_numpy(np.random.default_rng(seed).integers(0, TAGS, sum(lengths)))
    expected = sum(
        score_of(tuple(path.tolist()), e, *rest)
        for path, e in zip(tags.split(lengths), emissions.split(lengths), strict=True)
    )
    found = path_score(emissions, rest[0], rest[1], rest[2], tags, steps_of(lengths))
    assert found.item() == pytest.approx(expected, rel=1e-12, abs=1e-12)
