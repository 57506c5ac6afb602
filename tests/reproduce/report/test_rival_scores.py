"""The scores of rivals, read from a results folder."""

from __future__ import annotations

import pytest

from tagsmith.errors import DataError
from tagsmith.reproduce.report.rival_scores import read_rivals
from tagsmith.reproduce.results import Results


def test_rivals_are_read_by_task(results: Results):
    ((task, rivals),) = read_rivals(results.folder).items()
    assert (task, [rival.version for rival in rivals]) == ("ner", ["0.9.11", "0.9.11"])
    assert (rivals[0].score("dev"), rivals[0].score("test")) == (80.125, 70.5)
    files = {"train": "dtrain", "dev": "ddev", "test": "dtest", "conllpp": "x"}
    assert [rival.used_files(files) for rival in rivals] == [True, False]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("nothing.json", "[]", "found the name nothing.json; expected a task's: ner, chunk"),
        ("ner.json", '[{"tool": 1}]', "found damaged records of rivals"),
    ],
)
def test_a_damaged_file_or_one_of_no_task_is_refused(results: Results, name: str, content: str, message: str):
    (results.folder / "rivals" / name).write_text(content)
    with pytest.raises(DataError, match=message):
        read_rivals(results.folder)
