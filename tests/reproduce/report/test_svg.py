"""Charts as SVG."""

from __future__ import annotations

import re

import pytest

from tagsmith.reproduce.report.blocks import Chart, Series
from tagsmith.reproduce.report.svg import learning_curves, strip_plot

CHART = Chart(
    'A "<figure>"',
    (
        Series("<one>", ((1, 90.0), (2, 91.0)), ((80.0, 90.0), (81.0, 91.0, 92.0)), paper=92.0),
        Series("two", ((1, 88.0),), ()),
    ),
)


def test_every_seed_is_a_point_and_the_paper_a_diamond():
    drawn = strip_plot(CHART)
    points = {title: float(x) for x, title in re.findall(r'cx="([\d.]+)".*?<title>(.*?)</title>', drawn)}
    assert list(points) == ["seed 1: 90.00", "seed 2: 91.00", "seed 1: 88.00"]
    one, two, three = points.values()
    assert two - one == pytest.approx((one - three) / 2)
    assert drawn.count('class="paper"') == 1
    assert "<title>paper: 92.00</title>" in drawn
    assert "&lt;one&gt;" in drawn
    assert "<one>" not in drawn
    assert 'aria-label="A &#34;&lt;figure&gt;&#34;: test scores by seed"' in drawn


def test_every_seed_is_a_line_that_rises_with_dev():
    first, second = re.findall(r'points="(.*?)"', learning_curves(CHART))
    heights = [[float(point.split(",")[1]) for point in line.split()] for line in (first, second)]
    assert [len(line) for line in heights] == [2, 3]
    assert heights[1] == sorted(heights[1], reverse=True)


def test_equal_scores_are_drawn_in_the_middle():
    drawn = strip_plot(Chart("one", (Series("one", ((1, 90.0),)),)))
    assert re.findall(r'cx="(.*?)"', drawn) == ["180.0"]
