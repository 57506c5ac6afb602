"""Runs in their own processes: their records, runs that are stopped and resumed, and runs that fail."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
import torch

from tagsmith import Tagger, formats
from tagsmith.errors import ConfigError
from tagsmith.metrics import score
from tagsmith.reproduce.experiments import SeedRun
from tagsmith.reproduce.planning import plan
from tagsmith.reproduce.records import EpochRecord, Record
from tagsmith.reproduce.results import Results
from tagsmith.reproduce.runs import group_seeds, run_all
from tagsmith.reproduce.tables import PaperRow
from tests.support.tiny_task import ROWS, SETTINGS, TASK, copy_corpus


class Notes:
    """A watcher that keeps what it is called with, and stops all runs, as Ctrl-C does, once a certain file exists."""

    def __init__(self, stop_at: Path | None = None) -> None:
        self.stop_at = stop_at
        self.events: list[str] = []
        self.epochs: dict[str, list[int]] = {}
        self.lines: Sequence[str] = ()

    def started(self, run: SeedRun) -> None:
        self.events.append(f"started {run.name}")

    def at_epoch(self, run: SeedRun, epoch: EpochRecord) -> None:
        self.epochs.setdefault(run.name, []).append(epoch.number)
        if self.stop_at and self.stop_at.exists():
            raise KeyboardInterrupt

    def finished(self, run: SeedRun, record: Record) -> None:
        self.events.append(f"finished {run.name}")

    def failed(self, run: SeedRun, lines: Sequence[str], log: Path) -> None:
        self.events.append(f"failed {run.name}")
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
    """A run that fails, as there is nothing to learn."""
    broken = copy_corpus(tmp_path_factory.mktemp("broken") / "data")
    (broken / "wnut17" / "train.txt").write_text("nobody O\n\n")
    return plan([ROWS[1]], "bad", TASK, broken, [], [1])[0]


@pytest.fixture(scope="module")
def ended(runs: list[SeedRun], bad: SeedRun, tmp_path_factory: pytest.TempPathFactory) -> tuple[Results, Notes]:
    """Two rows with two seeds each and one run that fails, two at a time."""
    results, notes = Results(tmp_path_factory.mktemp("results")), Notes()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TAGSMITH_CACHE", str(tmp_path_factory.mktemp("cache")))
        assert run_all([runs[0], bad, *runs[1:]], results, 2, notes) == 1
    return results, notes


@pytest.fixture(scope="module")
def results(ended: tuple[Results, Notes]) -> Results:
    return ended[0]


def test_a_failed_run_is_reported_and_the_others_continue(
    ended: tuple[Results, Notes], runs: list[SeedRun], bad: SeedRun
):
    results, notes = ended
    assert notes.events[:2] == [f"started {run.name}" for run in (runs[0], bad)]
    expected = [f"{what} {run.name}" for run in runs for what in ("started", "finished")]
    assert sorted(notes.events) == sorted([*expected, f"started {bad.name}", f"failed {bad.name}"])
    assert notes.lines[-1].startswith("error: ")
    assert "every tag is O" in notes.lines[-1]
    assert results.find(bad.experiment) is None


def test_the_watcher_sees_the_epochs_of_a_running_training(ended: tuple[Results, Notes], runs: list[SeedRun]):
    _, notes = ended
    for run in runs:
        seen = notes.epochs[run.name]
        assert seen == sorted(seen)
        assert set(seen) <= {1, 2, 3}
        assert len(seen) > 0


class TestRecords:
    def record(self, results: Results, run: SeedRun) -> Record:
        record = results.find(run.experiment)
        assert record is not None
        return record

    def test_each_run_is_found_by_its_content(
        self, results: Results, runs: list[SeedRun], bad: SeedRun, tmp_path: Path
    ):
        assert {path.name for path in results.folder.glob("*.json")} == {f"{run.experiment.key}.json" for run in runs}
        assert [path.name for path in (results.folder / "work").iterdir()] == [bad.experiment.key]
        moved = plan([ROWS[1]], "task", TASK, copy_corpus(tmp_path / "data"), [], [1])[0].experiment
        assert results.find(moved) is None, "this one has no vectors"
        same = msgspec.structs.replace(runs[0].experiment, task="other")
        assert results.find(same) == self.record(results, runs[0])

    def test_a_record_describes_the_run_and_its_data(self, results: Results, runs: list[SeedRun], data: Path):
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

    def test_the_scores_are_those_of_a_model_trained_directly(
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

    def test_the_predictions_have_the_scores_of_the_record(self, results: Results, runs: list[SeedRun]):
        record = self.record(results, runs[2])
        predictions = results.predictions(record.key)
        assert set(predictions) == {"dev", "test", "again"}
        for constraints in ("scheme", "none"):
            rows = predictions["test"]
            scores = score(zip(rows["gold"], rows[constraints], strict=True), spans=True)
            assert scores.f1 == record.score("test", constraints)
            counts = record.sentence_counts("test", constraints)
            assert counts is not None
            assert counts.sum(axis=1).tolist() == [
                scores.overall.gold,
                scores.overall.predicted,
                scores.overall.correct,
            ]


def test_a_stopped_run_is_resumed(data: Path, tmp_path: Path):
    (run,) = plan([PaperRow("long", {**SETTINGS, "training.epochs": 6})], "task", TASK, data, [], [1])
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
    """Training on a GPU."""

    def test_runs_that_differ_only_in_their_seed_are_grouped(self, data: Path):
        rnn = PaperRow("rnn", {**SETTINGS, "encoder.kind": "rnn"})
        runs = plan([*ROWS, rnn], "task", TASK, data, [], [3, 1, 2])
        groups = [[(run.row, run.experiment.config.training.seed) for run in group] for group in group_seeds(runs)]
        assert groups[:2] == [[(row, seed) for seed in (3, 1, 2)] for row in ("softmax", "crf")]
        assert groups[2:] == [[("rnn", seed)] for seed in (3, 1, 2)], "there are no GPU kernels for it"

    @pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
    def test_without_a_gpu_no_run_begins(self, data: Path, tmp_path: Path):
        runs, notes = plan([ROWS[1]], "task", TASK, data, [], [1, 2]), Notes()
        with pytest.raises(ConfigError, match=r"^device 'cuda': PyTorch finds no NVIDIA GPU$"):
            run_all(runs, Results(tmp_path), 1, notes, "cuda")
        assert not notes.events
        assert not list(tmp_path.iterdir())
