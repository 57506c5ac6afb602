"""Numbers as a report prints them."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

MISSING = "–"


def mean_and_spread(scores: Sequence[float]) -> str:
    """Format scores as mean ± sample standard deviation (minimum to maximum); a single score as itself."""
    if len(scores) < 2:
        return score_list(scores)
    mean = f"{statistics.mean(scores):.2f} ± {statistics.stdev(scores):.2f}"
    return f"{mean} ({min(scores):.2f} to {max(scores):.2f})"


def score_list(scores: Sequence[float]) -> str:
    """Format every score."""
    return ", ".join(f"{score:.2f}" for score in scores) or MISSING


def score_or_missing(score: float | None) -> str:
    """Format a score that may be missing."""
    return MISSING if score is None else f"{score:.2f}"


def p_value(p: float) -> str:
    """Format a p-value with three decimals."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def number_ranges(numbers: Sequence[int]) -> str:
    """Format whole numbers as ``--seeds`` takes them: 1-3,7."""
    ranges: list[list[int]] = []
    for number in sorted(numbers):
        if ranges and number == ranges[-1][-1] + 1:
            ranges[-1].append(number)
        else:
            ranges.append([number])
    return ",".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in ranges)
