"""What a report is made of, whatever it is written as, and how its numbers are written."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

NOTHING = "–"


@dataclass(frozen=True)
class Grid:
    """A table of texts."""

    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    title: str = ""


@dataclass(frozen=True)
class Series:
    """What is drawn of a line of a table."""

    name: str
    scores: tuple[tuple[int, float], ...]
    """Test scores with their seeds."""
    curves: tuple[tuple[float, ...], ...] = ()
    """For each seed the dev score after each epoch."""
    paper: float | None = None


@dataclass(frozen=True)
class Figure:
    """Series that are drawn together."""

    title: str
    series: tuple[Series, ...]

    @property
    def has_paper(self) -> bool:
        """Whether the paper printed a figure for one of them."""
        return any(series.paper is not None for series in self.series)


@dataclass(frozen=True)
class Section:
    """A headed part of a report: paragraphs, the command that runs what it shows, tables, drawings."""

    title: str
    paragraphs: tuple[str, ...] = ()
    command: str = ""
    grids: tuple[Grid, ...] = ()
    figures: tuple[Figure, ...] = ()


def spread(values: Sequence[float]) -> str:
    """Mean ± sample standard deviation (smallest to largest); of one value, itself."""
    if len(values) < 2:
        return each(values)
    spreads = f"{statistics.mean(values):.2f} ± {statistics.stdev(values):.2f}"
    return f"{spreads} ({min(values):.2f} to {max(values):.2f})"


def each(values: Sequence[float]) -> str:
    """Every value."""
    return ", ".join(f"{value:.2f}" for value in values) or NOTHING


def figure_or_nothing(value: float | None) -> str:
    """A figure of the paper, if it printed one."""
    return NOTHING if value is None else f"{value:.2f}"


def probability(p: float) -> str:
    """A p-value to three places."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def ranges(numbers: Sequence[int]) -> str:
    """Numbers as ``--seeds`` takes them: 1-3,7."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ",".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)
