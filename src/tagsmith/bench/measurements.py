"""A figure: what was measured, what it should be, and whether it is."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal


class MeasurementRefused(Exception):
    """A figure that is not given, and why: its check failed, or what it needs failed."""


class MissingRival(MeasurementRefused):
    """A figure that can't be measured here, as something it needs is not there, or a rival does not run."""


@dataclass(frozen=True)
class Measurement:
    """One line of the table."""

    name: str
    unit: str
    value: float | None = None
    """None where it was not measured or is refused."""
    bound: Literal[">=", "<="] = ">="
    target: float | None = None
    note: str = ""
    """How it was measured, or why it was not."""
    refused: bool = False
    """Whether a check failed, so that no figure is given."""

    @property
    def verdict(self) -> str:
        """``met``, ``missed``, ``not measured`` or ``refused``; nothing where there is no target."""
        if self.value is None:
            return "refused" if self.refused else "not measured"
        if self.target is None:
            return ""
        met = self.value >= self.target if self.bound == ">=" else self.value <= self.target
        return "met" if met else "missed"

    def without_value(self, why: MeasurementRefused) -> Measurement:
        """The same line where there is nothing to report but why."""
        return Measurement(
            self.name, self.unit, None, self.bound, self.target, str(why), not isinstance(why, MissingRival)
        )

    def as_dict(self) -> dict[str, Any]:
        """All of it, ready for JSON."""
        return {**asdict(self), "verdict": self.verdict}


def significant(value: float) -> str:
    """A number with three significant digits, or all digits before the point: 0.0423, 3.92, 512, 49,613."""
    if not value or abs(value) >= 100:
        return f"{value:,.0f}"
    digits = 0
    while abs(value) * 10**digits < 100:
        digits += 1
    return f"{value:.{digits}f}"


def table(rows: list[list[str]]) -> str:
    """Lines of columns, the first row above a rule; the first column is flush left, as are notes in the last."""
    last = len(rows[0]) - 1
    widths = [max(len(row[column]) for row in rows) for column in range(last)]
    lines = []
    for row in rows:
        cells = [
            f"{cell:{'<' if i == 0 else '>'}{width}}" for i, (cell, width) in enumerate(zip(row, widths, strict=False))
        ]
        lines.append("  ".join([*cells, row[last]]).rstrip())
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]]) + "\n"


def figure_table(figures: list[Measurement]) -> str:
    """The figures with their targets and verdicts, for a person to read."""
    rows = [["figure", "measured", "target", "verdict", "how"]]
    for figure in figures:
        value = "-" if figure.value is None else f"{significant(figure.value)} {figure.unit}".strip()
        target = "" if figure.target is None else f"{figure.bound} {significant(figure.target)}"
        rows.append([figure.name, value, target, figure.verdict, figure.note])
    return table(rows)
