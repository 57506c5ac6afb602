"""The sections of a report, made from records and the scores of rivals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tagsmith.reproduce.records import Record
from tagsmith.reproduce.report.blocks import Section
from tagsmith.reproduce.report.configurations import group_records, name_of
from tagsmith.reproduce.report.record_sections import (
    data_section,
    machines_section,
    other_records_section,
    records_section,
)
from tagsmith.reproduce.report.rival_scores import RivalScores
from tagsmith.reproduce.report.table_sections import missing_tables_section, table_sections
from tagsmith.reproduce.report.tasks_section import tasks_section

READING = (
    "Scores are percentages: span F1 as conlleval computes it, or token accuracy for plain tags. Several seeds are "
    "given as mean ± sample standard deviation (minimum to maximum). Each run keeps the epoch with the best dev score "
    "over legal tag sequences.",
    "A softmax model has two rows. One decodes over all tag sequences, as the paper does, the other over legal ones. "
    "A CRF has one row, over legal sequences.",
    "The paper's scores come from one run with GloVe vectors of width 100, bigram potentials and about 50 epochs. "
    "Reimers and Gurevych (2017) ran the authors' code with 86 seeds: their median on CoNLL-2003 test is 90.64, not "
    "91.21.",
    "p over seeds comes from an exact two-sided permutation test of the seeds' test scores. It asks whether other "
    "seeds could reverse the difference. The test assumes no distribution; with few seeds it cannot decide.",
    "p over sentences comes from a two-sided paired bootstrap with 10,000 resamples of the test sentences. It asks "
    "whether other test sentences could reverse the difference between these very models. It compares runs of the "
    "same seed; the interval holds 95 % of the resamples.",
)


def sections(records: Sequence[Record], rivals: Mapping[str, Sequence[RivalScores]]) -> list[Section]:
    """Return all sections, from the tasks to the single records."""
    configurations = group_records(records)
    named = [one for one in configurations if name_of(one)]
    return [
        tasks_section(named, rivals),
        *table_sections(named),
        *missing_tables_section(named),
        *other_records_section([one for one in configurations if not name_of(one)]),
        machines_section(records),
        data_section(configurations),
        records_section(configurations),
    ]
