"""The runs of a table: names, cuts, vectors, and files that are missing."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tagsmith.errors import ConfigError, DataError
from tagsmith.reproduce.planning import plan, task_files
from tagsmith.reproduce.tables import MODEL, TABLES
from tests.support.tiny_task import ROWS, TASK, copy_corpus


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return copy_corpus(tmp_path / "data")


@pytest.fixture
def vectors(tmp_path: Path) -> str:
    path = tmp_path / "vectors.txt"
    path.write_text("the 1 2\nIndia 3 4\n")
    return str(path)


class TestPlan:
    def test_every_row_with_every_seed(self, data: Path):
        runs = plan(ROWS, "ner", TASK, data, [], [3, 1])
        rows = ["softmax, seed 3", "softmax, seed 1", "crf, seed 3", "crf, seed 1"]
        assert [run.name for run in runs] == [f"ner: {row}" for row in rows]

    def test_the_name_of_a_cut_run_says_so(self, data: Path):
        assert [run.name for run in plan(ROWS[:1], "ner", TASK, data, [], [1], 1)] == [
            "ner: softmax, seed 1, cut to 1 of 3 epochs"
        ]
        assert [run.name for run in plan(ROWS[:1], "ner", TASK, data, [], [1], 3)] == ["ner: softmax, seed 1"]
        with pytest.raises(ConfigError, match="found 4 epochs; expected at most 3"):
            plan(ROWS, "ner", TASK, data, [], [1], 4)

    def test_rows_take_every_file_of_vectors_unless_row_or_task_takes_none(
        self, data: Path, vectors: str, tmp_path: Path
    ):
        second = tmp_path / "second.txt"
        second.write_text("the 1\n")
        rows = TABLES["embeddings"].rows
        runs = plan(rows, "ner", TASK, data, [vectors, str(second)], [1])
        assert [run.name for run in runs] == [
            "ner: random, seed 1",
            "ner: given, vectors.txt, seed 1",
            "ner: given, second.txt, seed 1",
        ]
        assert [run.experiment.vectors and run.experiment.vectors.name for run in runs] == [
            None,
            "vectors.txt",
            "second.txt",
        ]
        (run,) = plan([MODEL], "chinese", replace(TASK, vectors=False), data, [vectors], [1])
        assert run.experiment.vectors is None

    def test_a_missing_file_is_named_before_anything_runs(self, data: Path):
        with pytest.raises(DataError, match="none: found no such file"):
            plan(ROWS, "ner", TASK, data, ["none"], [1])
        (data / "wnut17" / "dev.txt").unlink()
        with pytest.raises(DataError, match="found no dev of wnut17"):
            plan(ROWS, "ner", TASK, data, [], [1])

    def test_each_corpus_is_read_from_its_own_folder(self, data: Path):
        """Otherwise the test file of CoNLL-2003 would be scored as CoNLL++."""
        shutil.rmtree(data / "ncbi_disease")
        (data / "dev.txt").write_text("a O\n")
        with pytest.raises(DataError, match="ncbi_disease: found no such folder"):
            plan(ROWS, "ner", TASK, data, [], [1])

    def test_files_are_named_by_their_path_in_the_data_folder(self, data: Path):
        file = task_files(TASK, data)["train"]
        assert file.name == "wnut17/train.txt"
        assert file.sha256 == hashlib.sha256((data / "wnut17" / "train.txt").read_bytes()).hexdigest()

    def test_a_task_of_plain_tags_has_no_table_of_schemes(self, data: Path):
        task = replace(TASK, preset="pos")
        with pytest.raises(ConfigError, match=r"^found task treebank, whose tags are plain; expected a task of spans"):
            plan(TABLES["scheme"].rows, "treebank", task, data, [], [1])
