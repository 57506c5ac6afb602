"""The bootstrap and the permutation test compared with slow, plain ones."""

from __future__ import annotations

import itertools
import random
import statistics
from collections.abc import Iterable

import numpy as np
import pytest

from tagsmith.reproduce.significance import paired_bootstrap, permutation_test


def plain_f1(rows: list[tuple[int, ...]]) -> float:
    gold, predicted, correct = (sum(column) for column in zip(*rows, strict=True))
    return 200.0 * correct / (gold + predicted) if gold + predicted else 0.0


def share(events: Iterable[bool]) -> float:
    return statistics.mean(map(float, events))


def some_counts(seeds: int, sentences: int, rate: float, seed: int) -> np.ndarray:
    """Return counts whose gold depends only on the sentence. Shape: [seeds, 3, sentences]."""
    rng = np.random.default_rng(seed)
    gold = np.random.default_rng(0).integers(0, 4, sentences)
    correct = rng.binomial(gold, rate, (seeds, sentences))
    predicted = correct + rng.binomial(1, 0.3, (seeds, sentences))
    return np.stack([np.broadcast_to(gold, correct.shape), predicted, correct], axis=1)


class TestBootstrap:
    def test_it_agrees_with_all_resamples(self):
        """Three sentences have 27 equally likely resamples, whose shares the draws must approach."""
        ours = np.array([[[2, 1, 3], [2, 1, 2], [2, 1, 1]], [[2, 1, 3], [1, 1, 3], [1, 0, 3]]])
        theirs = np.array([[[2, 1, 3], [2, 0, 3], [1, 0, 2]], [[2, 1, 3], [2, 2, 3], [2, 1, 1]]])
        differences = []
        for drawn in itertools.product(range(3), repeat=3):
            of_seeds = [
                plain_f1([tuple(a[:, i]) for i in drawn]) - plain_f1([tuple(b[:, i]) for i in drawn])
                for a, b in zip(ours, theirs, strict=True)
            ]
            differences.append([*of_seeds, statistics.mean(of_seeds)])
        shares = [
            2 * min(share(d <= 1e-9 for d in column), share(d >= -1e-9 for d in column))
            for column in zip(*differences, strict=True)
        ]
        found = paired_bootstrap(ours, theirs, draws=40_000)
        assert (*found.p_by_seed, found.p) == pytest.approx([min(1, share) for share in shares], abs=0.01)
        whole = differences[list(itertools.product(range(3), repeat=3)).index((0, 1, 2))][-1]
        assert found.difference == pytest.approx(whole)
        means = sorted(mean for _, _, mean in differences)
        assert (found.low, found.high) == pytest.approx((means[0], means[-1]))

    def test_it_agrees_with_a_plain_bootstrap(self):
        ours, theirs = some_counts(2, 80, 0.8, 1), some_counts(2, 80, 0.7, 2)
        found = paired_bootstrap(ours, theirs)
        rows = [[[tuple(each[:, i]) for i in range(80)] for each in side] for side in (ours, theirs)]
        generator, means = random.Random(5), []
        for _ in range(3000):
            drawn = generator.choices(range(80), k=80)
            scores = [[plain_f1([each[i] for i in drawn]) for each in side] for side in rows]
            means.append(statistics.mean(scores[0]) - statistics.mean(scores[1]))
        means.sort()
        assert found.p == pytest.approx(2 * share(mean <= 0 for mean in means), abs=0.01)
        assert (found.low, found.high) == pytest.approx((means[75], means[-76]), abs=0.5)

    def test_equal_predictions_have_no_difference(self):
        counts = some_counts(1, 50, 0.8, 1)
        found = paired_bootstrap(counts, counts)
        assert (found.difference, found.low, found.high, found.p, found.p_by_seed) == (0, 0, 0, 1, (1,))

    def test_a_clear_difference_is_significant_and_reproducible(self):
        ours, theirs = some_counts(2, 400, 0.95, 1), some_counts(2, 400, 0.5, 2)
        found = paired_bootstrap(ours, theirs)
        assert found.low > 0
        assert found.p == pytest.approx(2 / 10_001)
        assert found == paired_bootstrap(ours, theirs)
        back = paired_bootstrap(theirs, ours)
        assert (back.difference, back.p) == (-found.difference, found.p)

    def test_counts_of_other_sentences_are_refused(self):
        with pytest.raises(ValueError, match="not of the same sentences"):
            paired_bootstrap(some_counts(1, 5, 0.5, 1), some_counts(1, 6, 0.5, 1))
        counts = some_counts(1, 5, 0.5, 1)
        with pytest.raises(ValueError, match="not of the same sentences"):
            paired_bootstrap(counts, counts + 1)


class TestPermutation:
    def test_by_hand(self):
        assert permutation_test([4.0, 5.0, 6.0], [1.0, 2.0, 3.0]).p == 2 / 20
        assert permutation_test([1.0, 2.0, 3.0], [4.0, 5.0, 6.0]).p == 2 / 20
        assert permutation_test([1.0, 4.0], [2.0, 3.0]).p == 1.0
        assert permutation_test([5.0], [1.0, 2.0, 3.0]).p == 1 / 4

    def test_the_least_p_is_that_of_separated_scores(self):
        for ours, theirs in ((2, 2), (2, 3), (3, 3), (5, 2), (5, 5)):
            found = permutation_test([9.0 + n for n in range(ours)], [float(n) for n in range(theirs)])
            if ours == theirs:
                assert found.p == found.least
            assert found.least <= found.p < 0.35
        assert permutation_test([1, 2], [3, 4]).least == pytest.approx(1 / 3)

    def test_many_seeds_are_permuted_at_random(self):
        generator = random.Random(2)
        near = [generator.gauss(90, 1) for _ in range(24)]
        found = permutation_test(near[:12], [score + 0.6 for score in near[12:]])
        # With this many scores the t-test's assumption of normality matters little, so its p is close.
        means = statistics.mean(near[:12]) - statistics.mean(near[12:]) - 0.6
        spread = (statistics.variance(near[:12]) / 12 + statistics.variance(near[12:]) / 12) ** 0.5
        normal = 2 * (1 - statistics.NormalDist().cdf(abs(means) / spread))
        assert found.p == pytest.approx(normal, abs=0.04)
        assert permutation_test([float(n) for n in range(12)], [50.0 + n for n in range(12)]).p == 1 / 200_000
