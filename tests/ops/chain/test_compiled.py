"""The chain's kernels, reference and compiled: against all paths written out, and against each other."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagsmith.engine.decoding import ChainKernels
from tagsmith.ops.chain import compiled, reference
from tagsmith.ops.chain.types import Allowed, Chain
from tests.support.enumeration import Array, Path, TinyChain, forbid, tiny_chain, tiny_chains, whole_numbers

SEEDS = st.integers(0, 2**32 - 1)
both = pytest.mark.parametrize("kernels", [reference, compiled], ids=["reference", "compiled"])
dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])
per_word = pytest.mark.parametrize("per_word", [False, True], ids=["shared", "per word"])


def rounded(chain: TinyChain) -> TinyChain:
    """The chain whose scores float32 can hold, for an oracle in float64."""
    return TinyChain(chain.lengths, *(scores.astype(np.float32).astype(float) for scores in chain.scores))


def gradient_of(chain: TinyChain, paths: list[Path]) -> list[Array]:
    """The nll's: how often each score is used in expectation, less how often the paths use it."""
    gradient = [used.copy() for used in chain.expectations()]
    for words, path in zip(chain.ranges, paths, strict=True):
        gradient[0][list(words), list(path)] -= 1
        for word, (a, b) in zip(words[1:], itertools.pairwise(path), strict=True):
            gradient[1][(word, a, b) if chain.transitions.ndim == 3 else (a, b)] -= 1
        gradient[2][path[0]] -= 1
        gradient[3][path[-1]] -= 1
    return gradient


def nll_of(chain: TinyChain, paths: list[Path]) -> float:
    scores = [chain.path_score(words, path) for words, path in zip(chain.ranges, paths, strict=True)]
    return sum(chain.log_partitions()) - sum(scores)


def compare_nll(chain: TinyChain, paths: list[Path], dtype: Any, tolerance: float = 1e-9) -> None:
    """In float32 only the gradient is rounded, at its end; the sums are float64's."""
    scores, _, lengths = chain.inputs(dtype)
    found, gradient = compiled.nll(scores, np.array([k for path in paths for k in path]), lengths)
    expected = nll_of(chain, paths)
    assert found == pytest.approx(expected, rel=tolerance, abs=tolerance * max(1, *map(abs, chain.log_partitions())))
    for ours, theirs in zip(gradient, gradient_of(chain, paths), strict=True):
        assert ours.dtype == dtype
        close = tolerance if dtype is np.float64 else 1e-6
        np.testing.assert_allclose(ours, theirs, rtol=close, atol=close)


def some_paths(chain: TinyChain, seed: int) -> list[Path]:
    words, tags = chain.emissions.shape
    return chain.by_sentence(np.random.default_rng(seed).integers(0, tags, words))


@both
@dtypes
@given(tiny_chains)
@settings(max_examples=40, deadline=None)
def test_viterbi_finds_the_best_of_all_paths(kernels: ChainKernels, dtype: Any, chain: TinyChain) -> None:
    chain = rounded(chain)
    assert chain.by_sentence(kernels.viterbi(*chain.inputs(dtype))) == chain.best()


@both
@given(tiny_chains, SEEDS)
@settings(max_examples=60, deadline=None)
def test_viterbi_breaks_ties_towards_lower_ids_at_the_end(kernels: ChainKernels, chain: TinyChain, seed: int) -> None:
    chain = whole_numbers(chain, seed)
    assert chain.by_sentence(kernels.viterbi(*chain.inputs(np.float32))) == chain.best()


@both
@given(tiny_chains, SEEDS)
@settings(max_examples=60, deadline=None)
def test_no_step_at_minus_infinity_is_taken(kernels: ChainKernels, chain: TinyChain, seed: int) -> None:
    chain = forbid(chain, seed)
    assert chain.by_sentence(kernels.viterbi(*chain.inputs())) == chain.best()
    np.testing.assert_allclose(kernels.marginals(*chain.inputs()), chain.expectations()[0], rtol=1e-9, atol=1e-9)


@both
@given(tiny_chains, SEEDS)
@settings(max_examples=60, deadline=None)
def test_no_step_that_is_not_allowed_is_taken(kernels: ChainKernels, chain: TinyChain, seed: int) -> None:
    scores, everything, lengths = chain.inputs()
    allowed = Allowed(*(np.random.default_rng(seed).random(mask.shape) < 0.5 for mask in everything))
    for mask in allowed:  # so that some path is: 0, 0, 0, ...
        mask[(0,) * mask.ndim] = True
    start, transitions, end = (
        np.where(mask, barred, -np.inf)
        for mask, barred in zip(allowed, (chain.start, chain.transitions, chain.end), strict=True)
    )
    legal = TinyChain(chain.lengths, chain.emissions, transitions, start, end)
    assert chain.by_sentence(kernels.viterbi(scores, allowed, lengths)) == legal.best()
    found = kernels.marginals(scores, allowed, lengths)
    np.testing.assert_allclose(found, legal.expectations()[0], rtol=1e-9, atol=1e-9)


@both
@dtypes
@given(tiny_chains)
@settings(max_examples=40, deadline=None)
def test_marginals_are_those_of_all_paths(kernels: ChainKernels, dtype: Any, chain: TinyChain) -> None:
    chain = rounded(chain)
    found = kernels.marginals(*chain.inputs(dtype))
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, chain.expectations()[0], rtol=1e-9, atol=1e-9)


@dtypes
@given(tiny_chains, SEEDS)
@settings(max_examples=60, deadline=None)
def test_the_nll_and_its_gradient_are_those_of_all_paths(dtype: Any, chain: TinyChain, seed: int) -> None:
    compare_nll(rounded(chain), some_paths(chain, seed), dtype)


@dtypes
@given(tiny_chains, SEEDS)
@settings(max_examples=60, deadline=None)
def test_the_nll_is_that_of_the_paths_that_are_not_at_minus_infinity(dtype: Any, chain: TinyChain, seed: int) -> None:
    chain = forbid(rounded(chain), seed)
    compare_nll(chain, chain.best(), dtype)


@both
@per_word
@pytest.mark.parametrize("scale", [300.0, 1e3, 1e5])
def test_scores_whose_exp_float64_cannot_hold_are_summed_exactly(
    kernels: ChainKernels, scale: float, per_word: bool
) -> None:
    for seed in range(20):
        chain = tiny_chain(seed, [4, 1, 5], scale=scale, per_word=per_word)
        found = kernels.marginals(*chain.inputs())
        np.testing.assert_allclose(found, chain.expectations()[0], rtol=1e-6, atol=1e-6)
        compare_nll(chain, some_paths(chain, seed), np.float64, tolerance=1e-6)


def far_behind(gap: float) -> TinyChain:
    """Three words of one tag each: tag 1 is ``gap`` behind the others at the first word, and catches up at the last."""
    chain = tiny_chain(1, [3])
    chain.transitions[:] = np.where(np.eye(3, dtype=bool), chain.transitions, -np.inf)
    chain.emissions[0, 1] -= gap
    chain.emissions[2, 1] += gap
    return chain


@both
@pytest.mark.parametrize("gap", [10.0, 500.0, 590.0, 610.0, 700.0, 720.0, 750.0, 1e4])
def test_a_path_that_falls_behind_without_limit_comes_back(kernels: ChainKernels, gap: float) -> None:
    chain = far_behind(gap)
    np.testing.assert_allclose(kernels.marginals(*chain.inputs()), chain.expectations()[0], rtol=1e-9, atol=1e-9)
    for paths in chain.by_sentence(np.full(3, 0)), chain.by_sentence(np.full(3, 1)):
        compare_nll(chain, paths, np.float64)


@per_word
def test_long_sentences_are_those_of_the_reference(per_word: bool) -> None:
    chain = tiny_chain(2, [5_000, 3, 700], tags=5, per_word=per_word)
    found, expected = (kernels.marginals(*chain.inputs(np.float32)) for kernels in (compiled, reference))
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)
    found, expected = (kernels.viterbi(*chain.inputs(np.float32)) for kernels in (compiled, reference))
    assert found.tolist() == expected.tolist()


def test_marginals_stay_exact_over_a_very_long_sentence() -> None:
    chain = tiny_chain(6, [20_000], tags=2)
    around = slice(10_000, 10_101)
    part = TinyChain([101], chain.emissions[around], chain.transitions, chain.start, chain.end)
    for kernels in (reference, compiled):
        # Far from both ends, a word's marginals are those it has within the hundred words around it.
        middle = kernels.marginals(*part.inputs())[50]
        np.testing.assert_allclose(kernels.marginals(*chain.inputs())[10_050], middle, rtol=1e-9)


@per_word
@pytest.mark.parametrize("tags", [1, 7, 8, 9, 17, 45])
def test_a_sentence_gets_the_same_bits_alone_and_in_any_batch_in_any_order(tags: int, per_word: bool) -> None:
    lengths = [7, 1, 30, 2, 12, 1]
    scores, allowed, _ = tiny_chain(3, lengths, tags=tags, per_word=per_word).inputs(np.float32)
    path = np.random.default_rng(4).integers(0, tags, sum(lengths))
    ranges = [slice(end - length, end) for end, length in zip(np.cumsum(lengths), lengths, strict=True)]

    def answers(order: list[int]) -> list[list[bytes]]:
        words = np.concatenate([np.arange(sum(lengths))[ranges[i]] for i in order])
        transitions = scores.transitions[words] if per_word else scores.transitions
        batch = Chain(scores.emissions[words], transitions, *scores[2:])
        counts = np.array([lengths[i] for i in order])
        _, gradient = compiled.nll(batch, path[words], counts)
        found = [
            compiled.viterbi(batch, allowed, counts),
            compiled.marginals(batch, allowed, counts),
            gradient.emissions,
            *([gradient.transitions] if per_word else []),
        ]
        cuts = np.cumsum(counts)[:-1]
        by_place = [[part.tobytes() for part in np.split(array, cuts)] for array in found]
        return [[parts[order.index(i)] for parts in by_place] for i in sorted(order)]

    together = answers(list(range(6)))
    assert answers([5, 2, 0, 1, 4, 3]) == together
    assert [answers([i])[0] for i in range(6)] == together


@per_word
def test_arrays_that_are_read_only_or_parts_of_larger_ones_are_taken_as_they_are(per_word: bool) -> None:
    scores, allowed, lengths = tiny_chain(5, [3, 2], per_word=per_word).inputs(np.float32)
    parts = [np.repeat(array, 2, -1)[..., ::2] for array in scores]
    for array in parts:
        array.setflags(write=False)
    tags = np.array([0, 1, 2, 0, 1])
    (value, gradient), (expected, wanted) = (compiled.nll(Chain(*given), tags, lengths) for given in (parts, scores))
    assert value == expected
    for ours, theirs in zip(gradient, wanted, strict=True):
        assert np.array_equal(ours, theirs)
    assert np.array_equal(compiled.viterbi(Chain(*parts), allowed, lengths), compiled.viterbi(scores, allowed, lengths))
    assert len(compiled._forward_backward.signatures) <= 2  # type: ignore[attr-defined]  # float32 and float64, compiled once each


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_scores_that_are_no_numbers_show_in_the_nll(bad: float) -> None:
    for place in range(6):
        scores, allowed, lengths = tiny_chain(6, [4, 2]).inputs(np.float32)
        scores.emissions[place, 1] = bad
        assert not np.isfinite(compiled.nll(scores, np.zeros(6, np.int64), lengths)[0])
        assert set(compiled.viterbi(scores, allowed, lengths).tolist()) <= {0, 1, 2}
        scores.emissions[place] = bad
        assert set(compiled.viterbi(scores, allowed, lengths).tolist()) <= {0, 1, 2}
