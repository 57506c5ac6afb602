from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagsmith.quality.reliability import measure_reliability, nll

OUTCOMES = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40)


def test_the_figures_of_a_few_predictions():
    found = measure_reliability(np.array([0.1, 0.15, 0.9, 0.7]), np.array([False, True, True, True]), bins=2)
    low, high = found.bins
    assert (low.low, low.high, low.predictions, low.confidence, low.accuracy) == (0, 0.5, 2, pytest.approx(0.125), 0.5)
    assert (high.low, high.high, high.predictions, high.confidence, high.accuracy) == (0.5, 1, 2, pytest.approx(0.8), 1)
    assert found.ece == pytest.approx((2 * 0.375 + 2 * 0.2) / 4)
    assert found.brier == pytest.approx((0.1**2 + 0.85**2 + 0.1**2 + 0.3**2) / 4)
    assert found.count == 4
    assert found.as_dict()["bins"][1]["answers"] == 2


def test_an_edge_belongs_to_the_bin_below_and_empty_bins_are_left_out_of_the_json():
    found = measure_reliability(np.array([0.0, 0.5, 1.0]), np.array([False, True, True]), bins=4)
    assert [each.predictions for each in found.bins] == [1, 1, 0, 1]
    assert math.isnan(found.bins[2].accuracy)
    assert [each["answers"] for each in found.as_dict()["bins"]] == [1, 1, 1]


@given(OUTCOMES, st.integers(1, 20))
def test_ece_follows_its_definition(outcomes: list[tuple[float, bool]], bins: int):
    edges = np.linspace(0.0, 1.0, bins + 1).tolist()
    expected, counted = 0.0, 0
    for number, (low, high) in enumerate(pairwise(edges)):
        inside = [(p, right) for p, right in outcomes if (low < p <= high) or (number == 0 and p == 0.0)]
        counted += len(inside)
        if inside:
            expected += abs(sum(p for p, _ in inside) - sum(right for _, right in inside)) / len(outcomes)
    assert counted == len(outcomes)
    p, right = (np.array(column) for column in zip(*outcomes, strict=True))
    assert measure_reliability(p, right, bins).ece == pytest.approx(expected, abs=1e-12)


def test_the_nll_is_of_the_outcomes_and_finite():
    assert nll(np.array([0.9, 0.2]), np.array([True, False])) == pytest.approx(-(math.log(0.9) + math.log(0.8)) / 2)
    assert math.isfinite(nll(np.array([0.0, 1.0]), np.array([True, False])))
