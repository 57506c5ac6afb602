"""The sections that list records."""

from __future__ import annotations

from tagsmith.reproduce.report.configurations import group_records
from tagsmith.reproduce.report.record_sections import (
    data_section,
    machines_section,
    other_records_section,
    records_section,
)
from tests.support.handmade_records import make_record


def test_records_outside_the_tables_have_their_settings():
    assert other_records_section([]) == []
    (section,) = other_records_section(group_records([make_record({"training.clip": 1.0, "scheme": "IOB2"})[0]]))
    assert section.grids[0].rows[0][:4] == ("ner", "scheme=IOB2, training.clip=1.0", "glove.txt", "1")


def test_machines_are_counted_with_their_dates():
    records = [
        make_record(training_seconds=3600.0)[0],
        make_record(seed=2, date="2026-11-26T10:00:00+00:00", training_seconds=1800.0)[0],
        make_record(seed=3, device="cuda", processor="A GPU", side_by_side=[3, 4], training_seconds=3600.0)[0],
    ]
    section = machines_section(records)
    assert section.paragraphs[0].startswith("3 records, 2.0 hours of training, 1 on a GPU, each of the others on one")
    assert [row[0] for row in section.grids[0].rows] == ["A GPU", "A processor"]
    assert section.grids[0].rows[1][-2:] == ("2", "2026-11-24 to 2026-11-26")


def test_a_file_is_listed_once():
    configurations = group_records([make_record()[0], make_record({"chars.kind": "none"})[0]])
    assert [row[1] for row in data_section(configurations).grids[0].rows] == ["train", "dev", "test", "conllpp"]


def test_a_record_has_its_row():
    record, _ = make_record(seed=2, stopped="patience", resumed=True, side_by_side=[1, 2], peak_bytes=None)
    (row,) = records_section(group_records([record])).grids[0].rows
    assert row[:5] == (record.key, "ner", "BLSTM-CNN-CRF", "glove.txt", "2")
    assert row[7:] == (
        "3 of 3, stopped early",
        "2 min, resumed, seeds 1-2 together",
        "15,000",
        "–",
        "2026-11-24",
    )
