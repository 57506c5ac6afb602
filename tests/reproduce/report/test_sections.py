"""The sections of a whole report."""

from __future__ import annotations

from tagsmith.reproduce.report.sections import sections
from tests.support.handmade_records import make_record


def test_they_come_from_the_tasks_to_the_single_records():
    records = [make_record()[0], make_record({"chars.kind": "none"})[0], make_record({"training.clip": 1.0})[0]]
    titles = [section.title.partition(":")[0] for section in sections(records, {})]
    assert titles == [
        "The paper's model on each task, with rivals",
        "Character encoder",
        "Tables not run yet",
        "Records outside the tables",
        "Machines and versions",
        "Data",
        "Records",
    ]
