"""Compare the rows of a table with a reference row, over seeds and over sentences."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tagsmith.reproduce.report.blocks import Grid
from tagsmith.reproduce.report.formatting import MISSING, number_ranges, p_value
from tagsmith.reproduce.report.rows import ReportRow
from tagsmith.reproduce.significance import paired_bootstrap, permutation_test
from tagsmith.reproduce.tables import TEST

_LEVEL = 0.05
_COLUMNS = (
    "model",
    "difference of means",
    "p over seeds",
    "shared seeds",
    "difference on shared seeds",
    "95 % interval over sentences",
    "p over sentences",
    "p over sentences by seed",
)


def compare(rows: Sequence[ReportRow], reference: ReportRow) -> Grid:
    """Return a table of every other row's test scores minus the reference's."""
    cells = [
        (row.name, *_over_seeds(row, reference), *_over_sentences(row, reference))
        for row in rows
        if row is not reference
    ]
    return Grid(_COLUMNS, cells, title=f'Test score minus that of "{reference.name}"')


def _over_seeds(row: ReportRow, reference: ReportRow) -> tuple[str, str]:
    ours, theirs = row.scores(TEST), reference.scores(TEST)
    test = permutation_test(ours, theirs)
    p = p_value(test.p)
    if test.least > _LEVEL:
        p = f"too few seeds: with {len(ours)} and {len(theirs)}, p is at least {test.least:.2f}"
    return f"{statistics.mean(ours) - statistics.mean(theirs):+.2f}", p


def _over_sentences(row: ReportRow, reference: ReportRow) -> tuple[str, ...]:
    shared = sorted(set(row.configuration.seeds) & set(reference.configuration.seeds))
    if not shared:
        return ("none", *[MISSING] * 4)
    ours, theirs = _counts(row, shared), _counts(reference, shared)
    if ours is None or theirs is None:
        return (number_ranges(shared), *[MISSING] * 2, "no counts, as the predictions are missing", MISSING)
    bootstrap = paired_bootstrap(ours, theirs)
    return (
        number_ranges(shared),
        f"{bootstrap.difference:+.2f}",
        f"{bootstrap.low:+.2f} to {bootstrap.high:+.2f}",
        p_value(bootstrap.p),
        ", ".join(map(p_value, bootstrap.p_by_seed)),
    )


def _counts(row: ReportRow, seeds: Sequence[int]) -> NDArray[np.int64] | None:
    """Return the counts of some seeds; None if one has no counts. Shape: [seeds, 3, sentences]."""
    records = [record for record in row.configuration.records if record.config.training.seed in seeds]
    counts = [record.sentence_counts(TEST, row.constraints) for record in records]
    known = [each for each in counts if each is not None]
    return np.stack(known) if len(known) == len(counts) else None
