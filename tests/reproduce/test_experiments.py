"""What makes two experiments the same, and the runs of a table."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tagsmith import formats
from tagsmith.config import PRESETS, configure
from tagsmith.errors import ConfigError, DataError
from tagsmith.reproduce.experiments import Experiment, SeedRun, plan
from tagsmith.reproduce.tables import MODEL, TABLES, TASKS, PaperRow, Task
from tests.support.little import LITTLE, ROWS, TASK, copy_corpus


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return copy_corpus(tmp_path / "data")


@pytest.fixture
def vectors(tmp_path: Path) -> str:
    path = tmp_path / "vectors.txt"
    path.write_text("the 1 2\nIndia 3 4\n")
    return str(path)


def experiment(data: Path, row: PaperRow = ROWS[1], task: Task = TASK, **more: Any) -> Experiment:
    (run,) = plan([row], "task", task, data, **{"vectors": [], "seeds": [1], **more})
    return run.experiment


class TestKey:
    def test_it_is_that_of_the_content_not_of_names_or_places(self, data: Path, tmp_path: Path):
        copied = copy_corpus(tmp_path / "elsewhere")
        assert experiment(data).key == experiment(copied, replace(ROWS[1], name="other")).key
        (run,) = plan([ROWS[1]], "named otherwise", TASK, data, [], [1])
        assert run.experiment.key == experiment(data).key

    def test_everything_that_changes_what_comes_out_changes_it(self, data: Path, tmp_path: Path, vectors: str):
        changed = copy_corpus(tmp_path / "changed")
        with (changed / "wnut17" / "test.txt").open("a") as file:
            file.write("more O\n\n")
        other_vectors = tmp_path / "others.txt"
        other_vectors.write_text("the 1 3\nIndia 3 4\n")
        keys = [
            experiment(data).key,
            experiment(data, seeds=[2]).key,
            experiment(data, epochs=1).key,
            experiment(data, ROWS[0]).key,
            experiment(changed).key,
            experiment(data, vectors=[vectors]).key,
            experiment(data, vectors=[str(other_vectors)]).key,
            experiment(data, task=replace(TASK, tag_column="2")).key,
            experiment(data, task=replace(TASK, corpus="conll2000")).key,
        ]
        assert len(set(keys)) == len(keys)

    def test_a_setting_at_its_default_is_no_part_of_it(self, data: Path):
        plain = experiment(data)
        said = replace(ROWS[1], settings={**LITTLE, "encoder.kind": "lstm", "decode.constraints": "scheme"})
        assert experiment(data, said).key == plain.key
        # So a setting that is added later leaves the records that are there as they are: this key must stay.
        fixed = {"files": {"train": "a"}, "settings": {"chars": {"kind": "cnn"}, "head": {"kind": "crf"}}}
        assert self.key_of(PRESETS["ner"], "a") == self.hash_of({**fixed, "tag_column": None, "vectors": None})
        softmax = configure("pos", {"head.kind": "softmax", "training.seed": 3})
        fixed["settings"] = {
            **{"chars": {"kind": "cnn"}, "head": {"kind": "softmax"}, "scheme": "plain"},
            "training": {"learning_rate": 0.01, "seed": 3},
        }
        assert self.key_of(softmax, "a") == self.hash_of({**fixed, "tag_column": None, "vectors": None})

    @staticmethod
    def key_of(config: Any, sha256: str) -> str:
        from tagsmith.reproduce.experiments import InputFile

        return Experiment(task="", config=config, files={"train": InputFile("", "", sha256)}).key

    @staticmethod
    def hash_of(content: Any) -> str:
        import json

        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


class TestPlan:
    def names(self, runs: list[SeedRun]) -> list[str]:
        return [run.name for run in runs]

    def test_every_row_with_every_seed(self, data: Path):
        runs = plan(ROWS, "ner", TASK, data, [], [3, 1])
        rows = ["softmax, seed 3", "softmax, seed 1", "crf, seed 3", "crf, seed 1"]
        assert self.names(runs) == [f"ner: {row}" for row in rows]

    def test_a_cut_run_says_so(self, data: Path):
        assert self.names(plan(ROWS[:1], "ner", TASK, data, [], [1], 1)) == [
            "ner: softmax, seed 1, cut to 1 of 3 epochs"
        ]
        assert self.names(plan(ROWS[:1], "ner", TASK, data, [], [1], 3)) == ["ner: softmax, seed 1"]
        with pytest.raises(ConfigError, match="found 4 epochs; expected at most 3"):
            plan(ROWS, "ner", TASK, data, [], [1], 4)

    def test_rows_take_every_file_of_vectors_unless_row_or_task_takes_none(
        self, data: Path, vectors: str, tmp_path: Path
    ):
        second = tmp_path / "second.txt"
        second.write_text("the 1\n")
        rows = TABLES["embeddings"].rows
        runs = plan(rows, "ner", TASK, data, [vectors, str(second)], [1])
        assert self.names(runs) == [
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

    def test_each_corpus_has_a_folder_of_its_own(self, data: Path):
        """Else the test file of CoNLL-2003 would be scored as CoNLL++."""
        shutil.rmtree(data / "ncbi_disease")
        (data / "dev.txt").write_text("a O\n")
        with pytest.raises(DataError, match="ncbi_disease: found no such folder"):
            plan(ROWS, "ner", TASK, data, [], [1])

    def test_files_are_named_as_below_the_data_folder_with_their_hash(self, data: Path):
        file = experiment(data).files["train"]
        assert file.name == "wnut17/train.txt"
        assert file.sha256 == hashlib.sha256((data / "wnut17" / "train.txt").read_bytes()).hexdigest()


class TestParts:
    def test_without_dev_the_last_tenth_of_train_is_dev(self, data: Path):
        whole = [s.tokens for s in formats.read(data / "conll2000" / "train.txt")]
        task = replace(TASK, corpus="conll2000")
        parts = experiment(data, task=task).read()
        assert [s.tokens for s in parts["train"] + parts["dev"]] == whole
        assert len(parts["dev"]) == len(whole) // 10

    def test_a_file_without_sentences_is_refused(self, tmp_path: Path):
        data = copy_corpus(tmp_path / "data")
        (data / "wnut17" / "test.txt").write_text("")
        with pytest.raises(DataError, match=r"test\.txt: found no sentences; expected at least one tagged sentence"):
            experiment(data).read()


class TestTables:
    @pytest.mark.parametrize("name", TABLES)
    def test_the_settings_of_every_row_suit_every_task(self, name: str):
        rows = TABLES[name].rows
        configs = [configure("ner", row.settings) for row in rows]
        assert len({(config, row.vectors) for config, row in zip(configs, rows, strict=True)}) == len(rows)
        assert len({row.name for row in rows}) == len(rows)
        for task in TASKS.values():
            for row in rows:
                configure(task.preset, row.settings)

    def test_tags_without_spans_are_written_in_no_scheme(self, data: Path):
        task = replace(TASK, preset="pos")
        with pytest.raises(
            ConfigError, match=r"^found task treebank, whose tags spell no spans; expected one of spans"
        ):
            plan(TABLES["scheme"].rows, "treebank", task, data, [], [1])

    def test_what_the_paper_printed(self):
        figures = {row.name: (row.paper["ner test"], row.paper["wsj test"]) for row in TABLES["ablation"].rows}
        assert figures["BRNN"] == (85.44, 96.76)
        assert figures["BLSTM"] == (87.00, 96.93)
        assert figures["BLSTM-CNN"] == (89.36, 97.33)
        assert figures["BLSTM-CNN-CRF"] == (91.21, 97.55)
        dropout = {row.name: row.paper for row in TABLES["dropout"].rows}
        assert dropout["without"]["ner test"] == 89.25
        assert dropout["with"]["ner train"] == 99.63
        assert TABLES["vocabulary"].rows[1].paper["ner test OOBV"] == 80.60
