"""The parts of a report."""

from __future__ import annotations

from tagsmith.reproduce.report.blocks import Chart, Series


def test_a_chart_has_the_paper_if_one_series_has():
    ours, paper = Series("ours", ((1, 90.0),)), Series("paper's", ((1, 90.0),), paper=91.21)
    assert Chart("one", (ours, paper)).has_paper
    assert not Chart("one", (ours,)).has_paper
