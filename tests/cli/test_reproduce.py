"""tagsmith reproduce: what it lists, plans, runs and refuses."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tagsmith.reproduce import runs, tables
from tagsmith.reproduce.tables import PaperRow, PaperTable, Task
from tests.support.handmade import DEMO, TINY
from tests.support.shell import run


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a corpus, and a task and a table of a moment."""
    (tmp_path / "wnut17").mkdir()
    for part in ("train", "dev", "test"):
        shutil.copy(DEMO / f"{'test' if part == 'test' else 'dev'}.conll", tmp_path / "wnut17" / f"{part}.txt")
    monkeypatch.setitem(tables.TASKS, "ner", Task("names", "ner", "wnut17"))
    rows = (PaperRow("one", TINY), PaperRow("the same", TINY))
    monkeypatch.setitem(tables.TABLES, "moment", PaperTable("A moment", rows))
    return tmp_path


def test_a_table_runs_and_nothing_runs_twice(data: Path):
    words = ["reproduce", "moment", "--data", data, "--seeds", "2", "--epochs", "1", "--results", data / "results"]
    planned = run(*words, "--dry-run")
    assert planned.code == 0
    assert not (data / "results").exists()
    (line,) = planned.out.splitlines()[1:]
    assert re.fullmatch(r"[0-9a-f]{16} +- +- +-  ner: one, seed 2, cut to 1 of 3 epochs", line)

    done = run(*words)
    assert done.code == 0
    assert "no --vectors: word vectors start at random" in done.err
    assert "finished ner: one, seed 2, cut to 1 of 3 epochs: dev" in done.err
    (record,) = (data / "results").glob("*.json")
    (line,) = done.out.splitlines()[1:]
    assert re.fullmatch(rf"{record.stem} +[\d.]+ +[\d.]+ +[\d.]+  ner: one, seed 2, cut to 1 of 3 epochs", line)

    again = run(*words)
    assert (again.code, again.out, again.err) == (0, done.out, "")

    target = data / "results.md"
    report = run("reproduce", "--report", target, "--results", data / "results")
    assert (report.code, report.out, report.err) == (0, f"{target}\n{data / 'results.html'}\n", "")
    assert f"| {record.stem} | ner | moment: one, cut to 1 of 50 epochs |" in target.read_text("utf-8")


def test_a_failed_run_and_a_stopped_one_end_in_1(data: Path, monkeypatch: pytest.MonkeyPatch):
    words = ["reproduce", "moment", "--data", data, "--seeds", "1", "--results", data / "results"]
    monkeypatch.setattr(runs, "run_all", lambda *_: 1)
    failed = run(*words)
    assert failed.code == 1
    assert failed.out.endswith("-  ner: one, seed 1\n")

    def stop(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(runs, "run_all", stop)
    stopped = run(*words)
    assert (stopped.code, stopped.out) == (1, "")
    assert stopped.err.endswith("stopped; run the same command again to resume\n")


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ([], 2, "give a TABLE and --data DIR"),
        (["ablation"], 2, "give a TABLE and --data DIR"),
        (["nothing", "--data", "."], 2, "'nothing' is not a table; expected one of: ablation, embeddings"),
        (["ablation", "--data", ".", "--task", "x"], 2, "'x' is not a task; expected one of: ner, chunk"),
        (["ner", "--data", ".", "--task", "ner"], 2, "--task goes with a table"),
        (["ner", "--data", ".", "--seeds", "1,x"], 2, "'1,x' is not a list of numbers and ranges"),
        (["ner", "--data", ".", "--seeds", "3-1"], 2, "has a range that runs backwards"),
        (["ner", "--report", "results.md"], 2, "--report covers all records; omit TABLE"),
        (["--report", "results.html"], 2, "expected a name that ends in .md"),
        (["--report", "results.md", "--results", "nowhere"], 1, "nowhere: found no records"),
        (["ner", "--data", "nowhere"], 1, "nowhere/conll2003: found no such folder"),
        (["tasks", "--data", "nowhere"], 1, "left out ner: nowhere/conll2003: found no such folder"),
        (["ner", "--data", ".", "--device", "abacus"], 1, "device 'abacus': expected cpu, cuda"),
        (["ner", "--data", ".", "--device", "cuda", "--jobs", "1"], 2, "--jobs is for cores"),
    ],
)
def test_what_it_refuses(words: list[str], code: int, message: str):
    found = run("reproduce", *words)
    assert (found.code, found.out) == (code, "")
    assert message in found.err.replace("\\", "/")


@pytest.mark.parametrize(("text", "seeds"), [("1-3", "123"), ("2", "2"), ("3,1-2,1", "312")])
def test_seeds_are_numbers_and_ranges(data: Path, text: str, seeds: str):
    planned = run("reproduce", "moment", "--data", data, "--seeds", text, "--dry-run")
    assert re.findall(r"seed (\d)", planned.out) == list(seeds)


def test_the_list_has_every_table_and_task():
    listed = run("reproduce", "--list")
    assert listed.code == 0
    commands = re.findall(r"^tagsmith reproduce (\S+)$", listed.out, re.MULTILINE)
    assert commands == [*tables.TABLES, *tables.TASKS]
    assert "      BLSTM: chars.kind=none head.kind=softmax\n" in listed.out


def test_seeds_beyond_all_reason_are_refused_at_once():
    result = run("reproduce", "ner", "--data", "x", "--seeds", "1-1000000000")
    assert result.code == 2
    assert "more than 1,000 seeds" in result.err


def test_of_all_tasks_those_run_whose_files_are_there(data: Path):
    found = run("reproduce", "tasks", "--data", data, "--seeds", "1", "--dry-run")
    assert found.code == 0
    assert "left out chunk: " in found.err
    assert "left out wnut17: " not in found.err
    assert found.out.splitlines()[1].endswith("seed 1")
    wrong = run("reproduce", "tasks", "--data", data, "--vectors", data / "nowhere.txt", "--dry-run")
    assert wrong.code == 1
    assert "nowhere.txt: found no such file; expected a file of word vectors" in wrong.err
    assert "nowhere.txt" not in "".join(line for line in wrong.err.splitlines() if line.startswith("left out"))
