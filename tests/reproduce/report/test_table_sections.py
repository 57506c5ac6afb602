"""The sections of the paper's tables."""

from __future__ import annotations

import pytest

from tagsmith.reproduce.report.configurations import group_records
from tagsmith.reproduce.report.table_sections import comparable, missing_tables_section, table_sections
from tests.support.handmade_records import make_record


@pytest.mark.parametrize(("task", "has"), [("wnut17", True), ("chinese", False)])
def test_a_task_without_vectors_has_no_table_of_vectors(task: str, has: bool):
    configurations = group_records([make_record(task=task, vectors=None)[0]])
    titles = [section.title for section in table_sections(configurations)]
    assert any(title.startswith("Word vectors (Table 6)") for title in titles) == has


def test_a_table_needs_more_than_the_reference():
    model, softmax = make_record()[0], make_record({"head.kind": "softmax"})[0]
    assert table_sections(group_records([model])) == []
    ablation, vocabulary = table_sections(group_records([model, softmax]))
    assert ablation.title.startswith("Ablation (Table 3): CoNLL-2003 English NER, F1, vectors glove.txt")
    assert ablation.paragraphs[-1].startswith("Still to run: BRNN (seeds 1); BLSTM (seeds 1);")
    assert [len(grid.rows) for grid in ablation.grids] == [3, 2]
    assert vocabulary.grids[0].columns[2] == "spans in test: IV / OOTV / OOEV / OOBV"


def test_only_runs_of_the_same_task_files_and_epochs_are_compared():
    records = [
        make_record()[0],
        make_record(vectors=None)[0],
        make_record(data="e")[0],
        make_record({"training.epochs": 5})[0],
    ]
    configurations = group_records(records)
    assert [len(group) for group in comparable(configurations, across_vectors=True)] == [2, 1, 1]
    assert [len(group) for group in comparable(configurations, across_vectors=False)] == [1] * 4


def test_tables_without_a_run_are_named_with_their_command():
    (section,) = missing_tables_section(group_records([make_record({"chars.kind": "none"}, seed=3)[0]]))
    assert section.paragraphs[0].startswith("ablation: Ablation (Table 3); embeddings: Word vectors (Table 6);")
    assert "chars:" not in section.paragraphs[0]
    assert section.command == "tagsmith reproduce TABLE --data DIR --vectors glove.txt --seeds 3"
