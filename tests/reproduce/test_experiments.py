"""The identity of an experiment, and the sentences it reads."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tagsmith import formats
from tagsmith.config import PRESETS, Config, configure
from tagsmith.errors import DataError
from tagsmith.reproduce.experiments import Experiment, InputFile
from tagsmith.reproduce.planning import plan
from tagsmith.reproduce.records import Record
from tagsmith.reproduce.tables import PaperRow, Task
from tests.support.tiny_task import ROWS, SETTINGS, TASK, copy_corpus


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return copy_corpus(tmp_path / "data")


def experiment(data: Path, row: PaperRow = ROWS[1], task: Task = TASK, **more: Any) -> Experiment:
    (run,) = plan([row], "task", task, data, **{"vectors": [], "seeds": [1], **more})
    return run.experiment


def key_of(config: Config) -> str:
    return Experiment(task="", config=config, files={"train": InputFile("", "", "a")}).key


def hash_of(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


class TestKey:
    def test_it_depends_on_content_not_on_names_or_folders(self, data: Path, tmp_path: Path):
        copied = copy_corpus(tmp_path / "elsewhere")
        assert experiment(data).key == experiment(copied, replace(ROWS[1], name="other")).key
        (run,) = plan([ROWS[1]], "named otherwise", TASK, data, [], [1])
        assert run.experiment.key == experiment(data).key

    def test_everything_that_changes_the_outcome_changes_it(self, data: Path, tmp_path: Path):
        changed = copy_corpus(tmp_path / "changed")
        with (changed / "wnut17" / "test.txt").open("a") as file:
            file.write("more O\n\n")
        vectors, other_vectors = tmp_path / "vectors.txt", tmp_path / "others.txt"
        vectors.write_text("the 1 2\nIndia 3 4\n")
        other_vectors.write_text("the 1 3\nIndia 3 4\n")
        keys = [
            experiment(data).key,
            experiment(data, seeds=[2]).key,
            experiment(data, epochs=1).key,
            experiment(data, ROWS[0]).key,
            experiment(changed).key,
            experiment(data, vectors=[str(vectors)]).key,
            experiment(data, vectors=[str(other_vectors)]).key,
            experiment(data, task=replace(TASK, tag_column="2")).key,
            experiment(data, task=replace(TASK, corpus="conll2000")).key,
        ]
        assert len(set(keys)) == len(keys)

    def test_a_setting_at_its_default_is_left_out(self, data: Path):
        plain = experiment(data)
        explicit = replace(ROWS[1], settings={**SETTINGS, "encoder.kind": "lstm", "decode.constraints": "scheme"})
        assert experiment(data, explicit).key == plain.key
        # A setting that is added later must not change the keys of existing records, so these keys are fixed.
        content: dict[str, Any] = {"tag_column": None, "vectors": None, "files": {"train": "a"}}
        content["settings"] = {"chars": {"kind": "cnn"}, "head": {"kind": "crf"}}
        assert key_of(PRESETS["ner"]) == hash_of(content)
        content["settings"] = {
            **{"chars": {"kind": "cnn"}, "head": {"kind": "softmax"}, "scheme": "plain"},
            "training": {"learning_rate": 0.01, "seed": 3},
        }
        assert key_of(configure("pos", {"head.kind": "softmax", "training.seed": 3})) == hash_of(content)


class TestRead:
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


def test_the_committed_records_are_named_by_their_content():
    """Guards ``Experiment.key``: a change of the hash would orphan every record."""
    folder = Path(__file__).parents[2] / "reproduction"
    records = [msgspec.json.decode(path.read_bytes(), type=Record) for path in sorted(folder.glob("*.json"))]
    for record in records:
        # Without dev among its files, the name of train says that it was cut.
        splits = [split for split, file in record.parts.items() if not file.name.endswith(", its last tenth")]
        files = {split: InputFile("", "", record.parts[split].sha256) for split in splits}
        vectors = record.vectors and InputFile("", "", record.vectors.sha256)
        experiment = Experiment(
            task="", config=record.config, files=files, tag_column=record.tag_column, vectors=vectors
        )
        assert experiment.key == record.key
