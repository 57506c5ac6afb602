"""Charts as SVG, laid out for a phone's width. The page defines their colours (``--series-0`` and so on)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

from markupsafe import Markup

from tagsmith.reproduce.report.blocks import Chart, Series

WIDTH = 360
COLOURS = 8
_LEFT, _RIGHT = 34, 10
_ROW = 34  # the height of a row in a strip plot: the name above the points
_CURVES = 200  # the height of the learning curves


def strip_plot(chart: Chart) -> Markup:
    """Draw every seed's test score as a point, their mean as a bar, and the paper's score as a diamond."""
    values = [score for series in chart.series for _, score in series.scores]
    values += [series.paper for series in chart.series if series.paper is not None]
    axis = _Axis(values, _RIGHT, WIDTH - _RIGHT)
    bottom = _ROW * len(chart.series) + 4
    marks = list(_grid_lines(axis, bottom))
    for number, series in enumerate(chart.series):
        y = _ROW * number + 24
        marks.append(_text(_RIGHT, y - 12, series.name))
        marks += _points(series, axis, y, number % COLOURS)
    return _svg(f"{chart.title}: test scores by seed", bottom + 18, marks)


def learning_curves(chart: Chart) -> Markup:
    """Draw the dev score after each epoch, a line for each seed."""
    values = [score for series in chart.series for curve in series.curves for score in curve]
    # The first epochs can be far below all others, so the lowest tenth is cut off.
    shown = sorted(values)[len(values) // 10 :]
    vertical = _Axis(shown, _CURVES, 10)
    longest = max(len(curve) for series in chart.series for curve in series.curves)
    horizontal = _Axis([1, max(longest, 2)], _LEFT, WIDTH - _RIGHT)
    marks = [_line(_LEFT, vertical.at(tick), WIDTH - _RIGHT, vertical.at(tick), "grid") for tick in vertical.ticks]
    marks += [_text(_LEFT - 4, vertical.at(tick) + 4, vertical.label(tick), "end") for tick in vertical.ticks]
    marks += [_text(horizontal.at(tick), _CURVES + 16, horizontal.label(tick), "middle") for tick in horizontal.ticks]
    for number, series in enumerate(chart.series):
        for curve in series.curves:
            points = [
                f"{horizontal.at(epoch):.1f},{vertical.at(score):.1f}"
                for epoch, score in enumerate(curve, 1)
                if score >= vertical.low
            ]
            marks.append(
                Markup('<polyline class="curve series-{}" points="{}"/>').format(number % COLOURS, " ".join(points))
            )
    return _svg(f"{chart.title}: dev score by epoch", _CURVES + 22, marks)


def _points(series: Series, axis: _Axis, y: float, colour: int) -> Iterator[Markup]:
    if series.paper is not None:
        x = axis.at(series.paper)
        yield Markup(
            '<path class="paper" d="M{:.1f} {:.1f}l5 5 -5 5 -5 -5z"><title>paper: {:.2f}</title></path>'
        ).format(x, y - 5, series.paper)
    mean = axis.at(math.fsum(score for _, score in series.scores) / len(series.scores))
    yield _line(mean, y - 7, mean, y + 7, f"mean series-{colour}")
    for seed, score in series.scores:
        yield Markup(
            '<circle class="point series-{}" cx="{:.1f}" cy="{:.1f}" r="4"><title>seed {}: {:.2f}</title></circle>'
        ).format(colour, axis.at(score), y, seed, score)


class _Axis:
    """A linear scale from values to coordinates, with round ticks."""

    def __init__(self, values: Sequence[float], start: float, end: float) -> None:
        low, high = min(values), max(values)
        if low == high:
            low, high = low - 0.5, high + 0.5
        raw = (high - low) / 4
        magnitude = 10.0 ** math.floor(math.log10(raw))
        self.step = next(magnitude * factor for factor in (1, 2, 5, 10) if magnitude * factor >= raw)
        self.low, self.high = math.floor(low / self.step) * self.step, math.ceil(high / self.step) * self.step
        self.start, self.end = start, end

    @property
    def ticks(self) -> list[float]:
        count = round((self.high - self.low) / self.step)
        return [self.low + number * self.step for number in range(count + 1)]

    def at(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def label(self, tick: float) -> str:
        return f"{tick:.{max(0, -math.floor(math.log10(self.step) + 1e-9))}f}"


def _grid_lines(axis: _Axis, bottom: float) -> Iterator[Markup]:
    for tick in axis.ticks:
        x = axis.at(tick)
        anchor = "start" if tick == axis.ticks[0] else "end" if tick == axis.ticks[-1] else "middle"
        yield _line(x, 0, x, bottom, "grid")
        yield _text(x, bottom + 14, axis.label(tick), anchor)


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> Markup:
    return Markup('<line class="{}" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>').format(kind, x1, y1, x2, y2)


def _text(x: float, y: float, text: str, anchor: str = "start") -> Markup:
    return Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>').format(x, y, anchor, text)


def _svg(title: str, height: float, marks: Iterable[Markup]) -> Markup:
    content = Markup("\n").join(marks)
    return Markup('<svg viewBox="0 0 {} {:.0f}" role="img" aria-label="{}">\n{}\n</svg>').format(
        WIDTH, height, title, content
    )
