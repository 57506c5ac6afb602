"""Lines of a table beside the one they are compared with: over sentences, and over seeds."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tagsmith.reproduce.report.blocks import NOTHING, Grid, probability, ranges
from tagsmith.reproduce.report.configurations import ReportRow
from tagsmith.reproduce.significance import paired_bootstrap, permutation_test
from tagsmith.reproduce.tables import TEST

_LEVEL = 0.05
_COLUMNS = (
    "model",
    "difference of the means",
    "p over seeds",
    "seeds of both",
    "their difference",
    "95 % over sentences",
    "p over sentences",
    "p over sentences, seed by seed",
)


def compare(lines: Sequence[ReportRow], reference: ReportRow) -> Grid:
    """Every other line's test scores minus the reference's."""
    rows = [
        (line.name, *_over_seeds(line, reference), *_over_sentences(line, reference))
        for line in lines
        if line is not reference
    ]
    return Grid(_COLUMNS, rows, title=f"Test, each minus {reference.name}")


def _over_seeds(line: ReportRow, reference: ReportRow) -> tuple[str, str]:
    ours, theirs = line.scores(TEST), reference.scores(TEST)
    test = permutation_test(ours, theirs)
    p = probability(test.p)
    if test.least > _LEVEL:
        p = f"can't tell: {len(ours)} and {len(theirs)} seeds give at best {test.least:.2f}"
    return f"{statistics.mean(ours) - statistics.mean(theirs):+.2f}", p


def _over_sentences(line: ReportRow, reference: ReportRow) -> tuple[str, ...]:
    shared = sorted(set(line.configuration.seeds) & set(reference.configuration.seeds))
    if not shared:
        return ("none", *[NOTHING] * 4)
    ours, theirs = _counts(line, shared), _counts(reference, shared)
    if ours is None or theirs is None:
        return (ranges(shared), *[NOTHING] * 2, "no counts: the predictions were not there", NOTHING)
    found = paired_bootstrap(ours, theirs)
    return (
        ranges(shared),
        f"{found.difference:+.2f}",
        f"{found.low:+.2f} to {found.high:+.2f}",
        probability(found.p),
        ", ".join(map(probability, found.p_by_seed)),
    )


def _counts(line: ReportRow, seeds: Sequence[int]) -> NDArray[np.int64] | None:
    """The counts of some seeds. Shape: [seeds, 3, sentences]."""
    records = [record for record in line.configuration.records if record.config.training.seed in seeds]
    counts = [record.sentence_counts(TEST, line.constraints) for record in records]
    found = [each for each in counts if each is not None]
    return np.stack(found) if len(found) == len(counts) else None
