"""``benchmarks/score_rivals.py`` with a learner of the tests."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
TRAIN = "Ann I-PER\nmet O\nRed I-ORG\nCross I-ORG\n\n" * 10
TEST = "Ann I-PER\nmet O\nBob I-PER\n\nRed I-ORG\nCross I-ORG\n"
# Learns the last tag of each word, and notes the tags of test that it was given.
LEARNER = """
import sys
sys.path.insert(0, {folder!r})
from learning import reply_with

def learn(task):
    known = {{token: tag for tokens, tags in task["train"] for token, tag in zip(tokens, tags)}}
    notes = {{"tool": "memory", "seen": [tags for _, tags in task["test"]], "train": task["train"][0][1]}}
    print("talk")
    return lambda tokens: [known.get(token, "O") for token in tokens], notes

reply_with(learn)
"""


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script, with a learner of the tests."""
    spec = importlib.util.spec_from_file_location("score_rivals", BENCHMARKS / "score_rivals.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    learner = tmp_path / "learner.py"
    learner.write_text(LEARNER.format(folder=str(BENCHMARKS / "rivals")), "utf-8")
    monkeypatch.setattr(module, "LEARNERS", {"memory": str(learner)})
    (tmp_path / "rivals.json").write_text(json.dumps({"memory": {"python": sys.executable, "script": ""}}))
    (tmp_path / "train.txt").write_text(TRAIN, "utf-8")
    (tmp_path / "test.txt").write_text(TEST, "utf-8")
    return module


def record_of(script: ModuleType, folder: Path, monkeypatch: pytest.MonkeyPatch, *options: str) -> dict:
    out = folder / "scores.json"
    files = ["--train", str(folder / "train.txt"), "--test", str(folder / "test.txt"), "--out", str(out)]
    monkeypatch.setattr(sys, "argv", ["score_rivals.py", str(folder), *files, *options])
    script.main()
    (record,) = json.loads(out.read_text("utf-8"))
    return record


def test_a_rival_is_scored_by_conllevals_rule(script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    record = record_of(script, tmp_path, monkeypatch)
    test = record["test"]
    assert (test["gold"], test["predicted"], test["correct"]) == (3, 2, 2)
    assert test["labels"]["PER"]["recall"] == 50.0
    assert test["f1"] == pytest.approx(80.0)
    assert record["tool"] == "memory"
    assert record["data"]["train"] == {"file": "train.txt", "sha256": hashlib.sha256(TRAIN.encode()).hexdigest()}


def test_it_learns_from_iob2_and_never_sees_the_tags_of_test(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    record = record_of(script, tmp_path, monkeypatch)
    assert record["train"] == ["B-PER", "O", "B-ORG", "I-ORG"]
    assert record["seen"] == [None, None]


def test_without_dev_it_is_the_last_tenth_of_train(script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert record_of(script, tmp_path, monkeypatch)["sentences"] == {"train": 9, "dev": 1, "test": 2}
    dev = record_of(script, tmp_path, monkeypatch, "--dev", str(tmp_path / "test.txt"))
    assert dev["sentences"] == {"train": 10, "dev": 2, "test": 2}
