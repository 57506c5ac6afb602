"""Tests of a difference between two configurations: a paired bootstrap of sentences, a permutation of seeds."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tagsmith.reproduce.sentence_counts import f1

DRAWS = 10_000
_MOST_GROUPINGS = 200_000  # up to this many are enumerated: 10 seeds against 10
_ROUNDING = 1e-9  # smaller differences count as none


@dataclass(frozen=True)
class Bootstrap:
    """The uncertainty of a difference that is due to the choice of sentences."""

    difference: float
    """The difference of F1, averaged over seeds."""
    low: float
    high: float
    """The ends of the interval that holds the middle 95 % of the resampled differences."""
    p: float
    """Two-sided: twice the share of resamples on the other side of zero, at most 1."""
    p_by_seed: tuple[float, ...]
    """The p of each seed alone."""


def paired_bootstrap(
    ours: NDArray[np.int64], theirs: NDArray[np.int64], *, draws: int = DRAWS, seed: int = 1
) -> Bootstrap:
    """Resample the sentences with replacement, and compare F1 of ours minus theirs over the resamples.

    Both sides and all seeds use the same resamples. Sentences with the same counts everywhere are interchangeable, so
    the number of times that each kind occurs is drawn from a multinomial.

    Args:
        ours, theirs: counts of the same sentences, by seed. Shape: [seeds, 3, sentences].

    Raises:
        ValueError: shapes or gold counts differ, so these are not the same sentences.

    Source: Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapter 13; for sentences Koehn (2004).
    """
    if ours.shape != theirs.shape or not np.array_equal(ours[:, 0], theirs[:, 0]):
        raise ValueError("the counts are not of the same sentences")
    both = np.stack([ours, theirs])  # [2, seeds, 3, sentences]
    sentences = both.shape[-1]
    kinds, sizes = np.unique(both.reshape(-1, sentences).T, axis=0, return_counts=True)
    drawn = np.random.default_rng(seed).multinomial(sentences, sizes / sentences, size=draws)
    sums = drawn.astype(np.float64) @ kinds.astype(np.float64)  # [draws, 2 * seeds * 3], whole numbers
    differences = _differences(sums.reshape(draws, *both.shape[:-1]))
    means = differences.mean(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return Bootstrap(
        difference=float(_differences(both.sum(axis=-1)[None]).mean()),
        low=float(low),
        high=float(high),
        p=_p(means),
        p_by_seed=tuple(_p(of_seed) for of_seed in differences.T),
    )


def _differences(sums: NDArray[np.generic]) -> NDArray[np.float64]:
    """Return F1 of ours minus theirs. Shape: [draws, 2, seeds, 3] -> [draws, seeds]."""
    figures = f1(sums)
    return figures[:, 0] - figures[:, 1]


def _p(differences: NDArray[np.float64]) -> float:
    far = min(np.count_nonzero(differences <= _ROUNDING), np.count_nonzero(differences >= -_ROUNDING))
    return min(1.0, 2.0 * (far + 1) / (len(differences) + 1))


@dataclass(frozen=True)
class Permutation:
    """The uncertainty of a difference of means that is due to the choice of seeds."""

    p: float
    """Two-sided: the share of assignments of the scores to two groups whose means differ at least as much."""
    least: float
    """The smallest p that this number of scores allows."""


def permutation_test(ours: Sequence[float], theirs: Sequence[float]) -> Permutation:
    """Assign all scores to two groups of these sizes in every way, or in 200,000 random ways if there are more.

    The test is exact for any distribution, where Welch's t-test assumes a normal one. Its smallest possible p shows
    whether there are enough seeds to decide.

    Source: Fisher (1935), The Design of Experiments, §21.
    """
    scores = np.array([*ours, *theirs])
    groups = _groups(len(scores), len(ours))
    sums = scores[groups].sum(axis=1)
    differences = np.abs(sums / len(ours) - (scores.sum() - sums) / len(theirs))
    observed = abs(np.mean(ours) - np.mean(theirs))
    as_large = np.count_nonzero(differences >= observed - _ROUNDING)
    return Permutation(p=as_large / len(groups), least=(2 if len(ours) == len(theirs) else 1) / len(groups))


def _groups(total: int, size: int) -> NDArray[np.int64]:
    """Return the members of the first group in each assignment; the observed one comes first. Shape: [ways, size]."""
    if math.comb(total, size) <= _MOST_GROUPINGS:
        return np.array(list(itertools.combinations(range(total), size)))
    members = np.tile(np.arange(total), (_MOST_GROUPINGS, 1))
    np.random.default_rng(1).permuted(members[1:], axis=1, out=members[1:])
    return members[:, :size]
