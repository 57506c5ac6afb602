"""A measurement: a value, its target, and whether the target is met."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal


class MeasurementRefused(Exception):
    """The reason that a value is withheld: a check or something it needs failed."""


class MissingRival(MeasurementRefused):
    """The reason that a value can't be measured here: something it needs is missing, or a rival does not run."""


@dataclass(frozen=True)
class Measurement:
    """One row of the table of measurements."""

    name: str
    unit: str
    value: float | None = None
    """None if it was not measured or is refused."""
    bound: Literal[">=", "<="] = ">="
    target: float | None = None
    note: str = ""
    """The way it was measured, or the reason that it was not."""
    refused: bool = False
    """True if a check failed."""

    @property
    def verdict(self) -> str:
        """``met``, ``missed``, ``not measured`` or ``refused``; empty if there is no target."""
        if self.value is None:
            return "refused" if self.refused else "not measured"
        if self.target is None:
            return ""
        met = self.value >= self.target if self.bound == ">=" else self.value <= self.target
        return "met" if met else "missed"

    def without_value(self, reason: MeasurementRefused) -> Measurement:
        """Return the same row with a reason instead of a value."""
        return replace(self, value=None, note=str(reason), refused=not isinstance(reason, MissingRival))

    def as_dict(self) -> dict[str, Any]:
        """Return all fields and the verdict, ready for JSON."""
        return {**asdict(self), "verdict": self.verdict}


def significant(value: float) -> str:
    """Format a number with three significant digits, or all digits before the point: 0.0423, 3.92, 512, 49,613."""
    if not value or abs(value) >= 100:
        return f"{value:,.0f}"
    digits = 0
    while abs(value) * 10**digits < 100:
        digits += 1
    return f"{value:.{digits}f}"
