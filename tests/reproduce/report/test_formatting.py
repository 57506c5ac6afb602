"""Numbers as a report prints them."""

from __future__ import annotations

import itertools
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagsmith.reproduce.report.formatting import mean_and_spread, number_ranges, p_value, score_list, score_or_missing


def test_scores():
    scores = [90.0, 91.0, 93.5]
    assert mean_and_spread(scores) == f"91.50 ± {statistics.stdev(scores):.2f} (90.00 to 93.50)"
    assert (mean_and_spread([90.126]), mean_and_spread([])) == ("90.13", "–")
    assert score_list(scores) == "90.00, 91.00, 93.50"
    assert (score_or_missing(1.005), score_or_missing(None)) == ("1.00", "–")


@pytest.mark.parametrize(("p", "text"), [(0.0005, "< 0.001"), (0.0336, "0.034"), (1.0, "1.000")])
def test_p_values(p: float, text: str):
    assert p_value(p) == text


@given(st.sets(st.integers(1, 30)))
def test_ranges_hold_exactly_the_numbers(numbers: set[int]):
    pairs = [part.partition("-") for part in number_ranges(list(numbers)).split(",") if part]
    ranges = [range(int(first), int(last or first) + 1) for first, _, last in pairs]
    assert [number for each in ranges for number in each] == sorted(numbers)
    assert all(before.stop < after.start for before, after in itertools.pairwise(ranges))
