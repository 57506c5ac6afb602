"""Whether one configuration is better than another: a paired bootstrap of sentences, a permutation of seeds."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tagsmith.reproduce.counts import f1

DRAWS = 10_000
_SPLITS = 200_000  # so many are all tried: up to 10 seeds against 10
_ROUNDING = 1e-9  # what differs less is the same


@dataclass(frozen=True)
class Bootstrap:
    """How far a difference depends on which sentences the file happens to hold."""

    difference: float
    """Of F1, the mean over seeds."""
    low: float
    high: float
    """The middle 95 % of that difference over the draws."""
    p: float
    """Two-sided: twice the share of draws on the far side of no difference, at most 1."""
    p_by_seed: tuple[float, ...]
    """The same of each seed alone."""


def paired_bootstrap(
    ours: NDArray[np.int64], theirs: NDArray[np.int64], *, draws: int = DRAWS, seed: int = 1
) -> Bootstrap:
    """Draw as many sentences as there are, with replacement, again and again, the same for both and for all seeds.

    Sentences with the same counts everywhere are interchangeable, so what is drawn is how often each kind comes.

    Args:
        ours, theirs: counts of the same sentences, by seed; F1 of ours minus theirs is judged. Shape: [seeds, 3,
            sentences].

    Raises:
        ValueError: other shapes, or other gold counts: not the same sentences.

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
    """F1 of ours minus theirs. Shapes: [draws, 2, seeds, 3] to [draws, seeds]."""
    figures = f1(sums)
    return figures[:, 0] - figures[:, 1]


def _p(differences: NDArray[np.float64]) -> float:
    far = min(np.count_nonzero(differences <= _ROUNDING), np.count_nonzero(differences >= -_ROUNDING))
    return min(1.0, 2.0 * (far + 1) / (len(differences) + 1))


@dataclass(frozen=True)
class Permutation:
    """How far a difference of means depends on which seeds were run."""

    p: float
    """Two-sided: the share of ways to deal the scores out whose means differ at least as much."""
    least: float
    """The smallest p that so many scores can have."""


def permutation_test(ours: Sequence[float], theirs: Sequence[float]) -> Permutation:
    """Deal all scores out to two groups of these sizes in every way (beyond 200,000 ways: in so many at random).

    Exact, whatever the scores' distribution, where Welch's t-test takes it for normal; and it can say that it has too
    few seeds to tell.

    Source: Fisher (1935), The Design of Experiments, §21.
    """
    scores = np.array([*ours, *theirs])
    dealt = _deals(len(scores), len(ours))
    sums = scores[dealt].sum(axis=1)
    differences = np.abs(sums / len(ours) - (scores.sum() - sums) / len(theirs))
    observed = abs(np.mean(ours) - np.mean(theirs))
    ways = len(dealt)
    alike = np.count_nonzero(differences >= observed - _ROUNDING)
    return Permutation(p=alike / ways, least=(2 if len(ours) == len(theirs) else 1) / ways)


def _deals(total: int, size: int) -> NDArray[np.int64]:
    """Which places belong to the first group, the one observed first. Shape: [ways, size]."""
    if math.comb(total, size) <= _SPLITS:
        return np.array(list(itertools.combinations(range(total), size)))
    places = np.tile(np.arange(total), (_SPLITS, 1))
    np.random.default_rng(1).permuted(places[1:], axis=1, out=places[1:])
    return places[:, :size]
