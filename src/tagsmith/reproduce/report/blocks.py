"""The parts that a report consists of, independent of its format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Grid:
    """A table whose cells are text."""

    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    title: str = ""


@dataclass(frozen=True)
class Series:
    """The data of one table row in a chart."""

    name: str
    scores: tuple[tuple[int, float], ...]
    """Pairs of seed and test score."""
    curves: tuple[tuple[float, ...], ...] = ()
    """For each seed, the dev score after each epoch."""
    paper: float | None = None


@dataclass(frozen=True)
class Chart:
    """Series drawn together."""

    title: str
    series: tuple[Series, ...]

    @property
    def has_paper(self) -> bool:
        """True if the paper printed a score for any of the series."""
        return any(series.paper is not None for series in self.series)


@dataclass(frozen=True)
class Section:
    """A section of a report: paragraphs, the command that runs its models, tables and charts."""

    title: str
    paragraphs: tuple[str, ...] = ()
    command: str = ""
    grids: tuple[Grid, ...] = ()
    charts: tuple[Chart, ...] = ()
