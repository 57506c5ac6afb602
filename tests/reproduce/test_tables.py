"""The paper's tables as data."""

from __future__ import annotations

import pytest

from tagsmith.config import configure
from tagsmith.corpora import read_registry
from tagsmith.reproduce.tables import TABLES, TASKS


@pytest.mark.parametrize("name", TASKS)
def test_the_corpora_of_every_task_are_in_the_registry(name: str):
    task = TASKS[name]
    registry = read_registry()
    assert {"train", "test"} <= registry.corpus(task.corpus).files.keys()
    assert all(split in registry.corpus(corpus).files for corpus, split in task.also.values())


@pytest.mark.parametrize("name", TABLES)
def test_the_settings_of_every_row_suit_every_task(name: str):
    rows = TABLES[name].rows
    configs = [configure("ner", row.settings) for row in rows]
    assert len({(config, row.vectors) for config, row in zip(configs, rows, strict=True)}) == len(rows)
    assert len({row.name for row in rows}) == len(rows)
    for task in TASKS.values():
        for row in rows:
            configure(task.preset, row.settings)


def test_the_scores_of_the_paper():
    figures = {row.name: (row.paper["ner test"], row.paper["wsj test"]) for row in TABLES["ablation"].rows}
    assert figures["BRNN"] == (85.44, 96.76)
    assert figures["BLSTM"] == (87.00, 96.93)
    assert figures["BLSTM-CNN"] == (89.36, 97.33)
    assert figures["BLSTM-CNN-CRF"] == (91.21, 97.55)
    dropout = {row.name: row.paper for row in TABLES["dropout"].rows}
    assert dropout["without"]["ner test"] == 89.25
    assert dropout["with"]["ner train"] == 99.63
    assert TABLES["vocabulary"].rows[1].paper["ner test OOBV"] == 80.60
