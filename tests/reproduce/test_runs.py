"""Runs side by side: records that are found again, runs that are cut off and go on, and runs that fail."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
import torch

from tagsmith import Sentence, Tagger, formats, store
from tagsmith.errors import ConfigError, DataError
from tagsmith.metrics import score
from tagsmith.reproduce.experiments import SeedRun, plan
from tagsmith.reproduce.job import Job, run, score_parts, train_side_by_side
from tagsmith.reproduce.records import Record, Results
from tagsmith.reproduce.runs import run_all, side_by_side
from tagsmith.reproduce.tables import PaperRow
from tests.support.handmade import SMALL, lexicon_model, random_model
from tests.support.little import LITTLE, ROWS, TASK, copy_corpus


class Notes:
    """Keeps what it is told; stops everything, as Ctrl-C does, once a certain file is there."""

    def __init__(self, stop_at: Path | None = None) -> None:
        self.stop_at = stop_at
        self.told: list[str] = []
        self.lines: Sequence[str] = ()

    def started(self, run: SeedRun) -> None:
        self.told.append(f"started {run.name}")

    def said(self, run: SeedRun, line: str) -> None:
        if self.stop_at and self.stop_at.exists():
            raise KeyboardInterrupt

    def finished(self, run: SeedRun, record: Record) -> None:
        self.told.append(f"finished {run.name}")

    def failed(self, run: SeedRun, lines: Sequence[str], log: Path) -> None:
        self.told.append(f"failed {run.name}")
        self.lines = lines


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_corpus(tmp_path_factory.mktemp("corpus") / "data")


@pytest.fixture(scope="module")
def vectors(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("vectors") / "vectors.txt"
    words = {
        token.lower()
        for s in formats.read(copy_corpus(path.parent / "data") / "wnut17" / "test.txt")
        for token in s.tokens
    }
    path.write_text("".join(f"{word}{' 0.1' * 12}\n" for word in sorted(words)))
    return str(path)


@pytest.fixture(scope="module")
def runs(data: Path, vectors: str) -> list[SeedRun]:
    return plan(ROWS, "task", TASK, data, [vectors], [1, 2])


@pytest.fixture(scope="module")
def bad(data: Path, tmp_path_factory: pytest.TempPathFactory) -> SeedRun:
    """A run that can learn nothing."""
    broken = copy_corpus(tmp_path_factory.mktemp("broken") / "data")
    (broken / "wnut17" / "train.txt").write_text("nobody O\n\n")
    return plan([ROWS[1]], "bad", TASK, broken, [], [1])[0]


@pytest.fixture(scope="module")
def ended(runs: list[SeedRun], bad: SeedRun, tmp_path_factory: pytest.TempPathFactory) -> tuple[Results, Notes]:
    """Two rows, two seeds each, two at a time, and among them one that fails; with a cache of their own."""
    results, notes = Results(tmp_path_factory.mktemp("results")), Notes()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TAGSMITH_CACHE", str(tmp_path_factory.mktemp("cache")))
        assert run_all([runs[0], bad, *runs[1:]], results, 2, notes) == 1
    return results, notes


@pytest.fixture(scope="module")
def results(ended: tuple[Results, Notes]) -> Results:
    return ended[0]


def test_a_run_that_fails_says_why_and_the_others_go_on(
    ended: tuple[Results, Notes], runs: list[SeedRun], bad: SeedRun
):
    results, notes = ended
    assert notes.told[:2] == [f"started {run.name}" for run in (runs[0], bad)]
    told = [f"{what} {run.name}" for run in runs for what in ("started", "finished")]
    assert sorted(notes.told) == sorted([*told, f"started {bad.name}", f"failed {bad.name}"])
    assert notes.lines[-1].startswith("error: ")
    assert "every tag is O" in notes.lines[-1]
    assert results.find(bad.experiment) is None


class TestRecords:
    def record(self, results: Results, run: SeedRun) -> Record:
        record = results.find(run.experiment)
        assert record is not None
        return record

    def test_each_run_is_found_again_by_its_content(
        self, results: Results, runs: list[SeedRun], bad: SeedRun, tmp_path: Path
    ):
        assert {path.name for path in results.folder.glob("*.json")} == {f"{run.experiment.key}.json" for run in runs}
        assert [path.name for path in (results.folder / "work").iterdir()] == [bad.experiment.key]
        moved = plan([ROWS[1]], "task", TASK, copy_corpus(tmp_path / "data"), [], [1])[0].experiment
        assert results.find(moved) is None, "it has no vectors"
        same = msgspec.structs.replace(runs[0].experiment, task="other")
        assert results.find(same) == self.record(results, runs[0])

    def test_a_record_says_what_was_run_on_what(self, results: Results, runs: list[SeedRun], data: Path):
        record, experiment = self.record(results, runs[3]), runs[3].experiment
        assert record.config == experiment.config
        assert record.config.training.seed == 2
        train = list(formats.read(data / "wnut17" / "train.txt"))
        part = record.parts["train"]
        assert (part.sentences, part.tokens) == (len(train), sum(map(len, train)))
        assert part.sha256 == experiment.files["train"].sha256
        assert record.vectors is not None
        assert record.vectors.dim == 12
        assert [epoch.number for epoch in record.epochs] == [1, 2, 3]
        assert record.epochs[record.best_epoch - 1].dev_score == pytest.approx(record.score("dev"))
        assert (record.stopped, record.resumed) == ("epochs", False)
        assert 0 < record.training_seconds < record.wall_seconds
        assert record.versions["torch"]

    def test_the_scores_are_those_of_the_model_that_this_training_gives(
        self, results: Results, runs: list[SeedRun], data: Path, vectors: str
    ):
        record = self.record(results, runs[0])
        tagger = Tagger.train(
            data / "wnut17" / "train.txt",
            data / "wnut17" / "dev.txt",
            preset=record.config,
            vectors=vectors,
            progress=False,
        )
        expected = Tagger(tagger.model, precision="fp32").evaluate(data / "wnut17" / "test.txt").as_dict()
        assert record.score("test") == expected["f1"] > 0
        assert record.scores["test"]["scheme"]["labels"] == expected["labels"]

    def test_every_part_is_scored_and_the_classes_add_up(self, results: Results, runs: list[SeedRun]):
        record = self.record(results, runs[1])
        assert set(record.scores) == {"train", "dev", "test", "again"}
        assert record.scores["again"] == record.scores["dev"]
        for figures in (kind for part in record.scores.values() for kind in part.values()):
            for name in ("gold", "predicted", "correct"):
                assert sum(count[name] for count in figures["vocabulary"].values()) == figures[name]

    def test_predictions_score_what_the_record_says(self, results: Results, runs: list[SeedRun]):
        record = self.record(results, runs[2])
        predictions = results.predictions(record.key)
        assert set(predictions) == {"dev", "test", "again"}
        for constraints in ("scheme", "none"):
            rows = predictions["test"]
            found = score(zip(rows["gold"], rows[constraints], strict=True), spans=True)
            assert found.f1 == record.score("test", constraints)
            counts = record.sentence_counts("test", constraints)
            assert counts is not None
            assert counts.sum(axis=1).tolist() == [found.overall.gold, found.overall.predicted, found.overall.correct]

    def test_a_damaged_record_and_one_of_other_defaults_are_refused(
        self, results: Results, runs: list[SeedRun], tmp_path: Path
    ):
        run = runs[0]
        copies = Results(tmp_path)
        place = copies.record_path(run.experiment.key)
        content = results.record_path(run.experiment.key).read_text()
        place.write_text(content[: len(content) // 2])
        with pytest.raises(DataError, match=r"damaged record, or one of a newer version .*; move it away"):
            copies.find(run.experiment)
        place.write_text(content.replace('"test": {\n   "scheme"', '"tset": {\n   "scheme"', 1))
        with pytest.raises(DataError, match="a record without the scores of test"):
            copies.find(run.experiment)
        place.write_text(content.replace('"clip": 5.0', '"clip": 1.0'))
        with pytest.raises(DataError, match="had other defaults"):
            copies.find(run.experiment)
        with pytest.raises(DataError, match="no such file"):
            copies.predictions(run.experiment.key)


def test_a_softmax_is_scored_with_and_without_constraints(tmp_path: Path):
    path = tmp_path / "model.safetensors"
    store.save(random_model(1, settings={**SMALL, "head.kind": "softmax"}), path)
    sentences = [Sentence([f"word{n}" for n in range(m, 30)], ["B-PER", *["O"] * (29 - m)]) for m in range(25)]
    scores, predictions = score_parts(path, {"train": sentences, "test": sentences}, None)
    tags = predictions["test"]
    assert tags["scheme"] != tags["none"]
    for constraints in ("scheme", "none"):
        tagger = Tagger.load(path, constraints=constraints, precision="fp32")
        assert tags[constraints] == [list(answer.tags) for answer in tagger.tag(sentences)]
        assert scores["test"][constraints]["f1"] == tagger.evaluate(sentences).f1
    assert scores["test"]["none"]["accuracy"] != scores["test"]["scheme"]["accuracy"]


def test_plain_tags_have_no_constraints(tmp_path: Path):
    path = tmp_path / "model.safetensors"
    store.save(lexicon_model({"runs": "VERB"}, "plain"), path)
    sentences = [Sentence(["Jay", "runs"], ["O", "VERB"]), Sentence(["x"], ["VERB"])]
    scores, predictions = score_parts(path, {"train": sentences[:1], "test": sentences}, None)
    assert predictions == {"test": {"gold": [["O", "VERB"], ["VERB"]], "scheme": [["O", "VERB"], ["O"]]}}
    assert scores["test"]["scheme"]["correct_tokens"] == 2
    classes = scores["test"]["scheme"]["vocabulary"]
    assert (classes["OOEV"]["recall"], classes["OOBV"]["recall"], classes["IV"]["gold"]) == (100.0, 0.0, 0)


def test_a_run_that_is_stopped_goes_on(data: Path, tmp_path: Path):
    (run,) = plan([PaperRow("long", {**LITTLE, "training.epochs": 6})], "task", TASK, data, [], [1])
    results = Results(tmp_path / "results")
    with pytest.raises(KeyboardInterrupt):
        run_all([run], results, 1, Notes(results.work(run.experiment.key) / "model.checkpoint.safetensors"))
    assert results.find(run.experiment) is None
    assert run_all([run], results, 1, Notes()) == 0
    record = results.find(run.experiment)
    assert record is not None
    assert record.resumed
    assert [epoch.number for epoch in record.epochs] == list(range(1, 7))


class TestOnAGPU:
    """Where the process is told to train on a GPU. Here the kernels run through Triton's interpreter."""

    def test_runs_that_differ_in_their_seed_alone_go_together(self, data: Path):
        rnn = PaperRow("rnn", {**LITTLE, "encoder.kind": "rnn"})
        runs = plan([*ROWS, rnn], "task", TASK, data, [], [3, 1, 2])
        groups = [[(run.row, run.experiment.config.training.seed) for run in group] for group in side_by_side(runs)]
        assert groups[:2] == [[(row, seed) for seed in (3, 1, 2)] for row in ("softmax", "crf")]
        assert groups[2:] == [[("rnn", seed)] for seed in (3, 1, 2)], "there are no kernels for it"

    def test_seeds_side_by_side_leave_a_record_each(self, tmp_path: Path):
        pytest.importorskip("triton", reason="there is no Triton for this system")
        folder = copy_corpus(tmp_path / "data")
        for path in folder.glob("*/*.txt"):
            path.write_text("Ann B-PER\nsaw O\nBonn B-LOC\n\nBob B-PER\n\nIt O\nrains O\n\n")
        runs = plan([PaperRow("crf", {**LITTLE, "training.epochs": 2})], "task", TASK, folder, [], [1, 2])
        experiments, results = [run.experiment for run in runs], Results(tmp_path / "results")
        device = "cuda" if torch.cuda.is_available() else "cpu"
        cut_off = results.work(experiments[0].key) / "model.checkpoint.safetensors"
        cut_off.parent.mkdir(parents=True)
        cut_off.write_bytes(b"of a training alone, which ended early")
        train_side_by_side(experiments, results, device)
        said = [results.run_log(experiment.key).read_text() for experiment in experiments]
        assert all("epoch   2" in text for text in said)
        assert said[0] != said[1]
        train_side_by_side(experiments, results, device)  # nothing is left to train
        assert [results.run_log(experiment.key).read_text() for experiment in experiments] == said
        for seed, experiment in enumerate(experiments, 1):
            record = run(experiment, results, device)
            assert record == results.find(experiment)
            assert record.config.training.seed == seed
            assert record.side_by_side == [1, 2]
            assert [epoch.number for epoch in record.epochs] == [1, 2]
            assert not results.work(experiment.key).exists()

    @pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
    def test_without_one_nothing_begins(self, data: Path, tmp_path: Path):
        runs, notes = plan([ROWS[1]], "task", TASK, data, [], [1, 2]), Notes()
        with pytest.raises(ConfigError, match=r"^device 'cuda': PyTorch finds no NVIDIA GPU$"):
            run_all(runs, Results(tmp_path), 1, notes, "cuda")
        assert not notes.told
        assert not list(tmp_path.iterdir())


def test_a_run_ends_with_the_process_that_started_it(data: Path, tmp_path: Path):
    (run,) = plan([PaperRow("long", {**LITTLE, "training.epochs": 5000})], "task", TASK, data, [], [1])
    Results(tmp_path).work(run.experiment.key).mkdir(parents=True)
    command = [sys.executable, "-m", "tagsmith.reproduce.job"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ)
    assert process.stdin
    assert process.stderr
    process.stdin.write(msgspec.json.encode(Job([run.experiment], str(tmp_path))) + b"\n")
    process.stdin.flush()
    assert any(line.startswith(b"epoch") for line in process.stderr)
    process.stdin.close()
    assert process.wait(60) == 1
    process.stderr.close()
