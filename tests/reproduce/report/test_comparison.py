"""Rows compared with a reference, over seeds and over sentences."""

from __future__ import annotations

import msgspec
import pytest

from tagsmith.reproduce.records import Record
from tagsmith.reproduce.report.comparison import compare
from tagsmith.reproduce.report.configurations import group_records
from tagsmith.reproduce.report.rows import ReportRow, rows_of
from tagsmith.reproduce.tables import TABLES
from tests.support.handmade_records import make_record

NO_CHARS = {"chars.kind": "none"}


def rows(records: list[Record]) -> list[ReportRow]:
    return rows_of(TABLES["chars"].rows, group_records(records))


def cells(records: list[Record]) -> dict[str, str]:
    reference, other = rows(records)
    grid = compare([reference, other], reference)
    assert grid.title == 'Test score minus that of "CNN"'
    (found,) = grid.rows
    return dict(zip(grid.columns, found, strict=True))


def test_a_difference_over_seeds_and_over_the_shared_ones():
    seeds = range(1, 5)
    records = [make_record(seed=seed, right=0.95)[0] for seed in seeds]
    records += [make_record(NO_CHARS, seed=seed, right=0.6)[0] for seed in range(2, 6)]
    found = cells(records)
    means = [sum(row.scores("test")) / 4 for row in rows(records)]
    assert float(found["difference of means"]) == pytest.approx(means[1] - means[0], abs=0.006)
    assert float(found["p over seeds"]) == pytest.approx(2 / 70, abs=0.001), "all scores of one lie below the other's"
    assert found["shared seeds"] == "2-4"
    assert found["p over sentences"] == "< 0.001"
    assert len(found["p over sentences by seed"].split(", ")) == 3


def test_too_few_seeds_no_shared_ones_and_no_counts():
    model, other = make_record()[0], make_record(NO_CHARS, seed=2)[0]
    found = cells([model, other])
    assert found["p over seeds"] == "too few seeds: with 1 and 1, p is at least 1.00"
    assert (found["shared seeds"], found["p over sentences"]) == ("none", "–")
    without = msgspec.structs.replace(make_record(NO_CHARS)[0], counts={})
    assert cells([model, without])["p over sentences"] == "no counts, as the predictions are missing"
