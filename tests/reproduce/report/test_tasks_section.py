"""The section of the paper's model on each task."""

from __future__ import annotations

from tagsmith.reproduce.report.configurations import group_records
from tagsmith.reproduce.report.rival_scores import read_rivals
from tagsmith.reproduce.report.tasks_section import tasks_section
from tagsmith.reproduce.results import Results
from tagsmith.reproduce.tables import TASKS
from tests.support.handmade_records import make_record


def test_a_task_has_its_models_further_files_and_rivals(results: Results):
    configurations = group_records([make_record()[0], make_record(seed=2)[0]])
    section = tasks_section(configurations, read_rivals(results.folder))
    model, also, *rivals = section.grids[0].rows
    assert model[:4] == ("CoNLL-2003 English NER, F1", "BLSTM-CNN-CRF", "glove.txt", "1-2")
    assert model[6] == "91.21"
    assert also[0] == "the same models on conllpp, test"
    assert [rival[5] for rival in rivals] == ["70.50", "70.50"]
    assert [rival[1].endswith(", on other files") for rival in rivals] == [False, True]
    assert [chart.title for chart in section.charts] == ["CoNLL-2003 English NER"]


def test_missing_tasks_are_named_with_their_command():
    all_but_one = group_records([make_record(task=task)[0] for task in TASKS if task != "chunk"])
    section = tasks_section(all_but_one, {})
    assert section.paragraphs[-1] == "Not run yet: chunk. Run each by name:"
    assert section.command == "tagsmith reproduce chunk --data DIR --vectors glove.txt --seeds 1"
    whole = tasks_section(group_records([make_record(task=task)[0] for task in TASKS]), {})
    assert (len(whole.paragraphs), whole.command) == (1, "")
