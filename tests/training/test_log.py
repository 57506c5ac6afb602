"""The log that a training writes beside its model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tagsmith.config import Config, configure
from tagsmith.text import Sentence
from tagsmith.training import loop
from tagsmith.training.history import Epoch
from tagsmith.training.log import TrainingLog, log_beside

SENTENCES = [Sentence(["Ann", "slept"], ["B-PER", "O"]), Sentence(["Bob", "ran", "off"], ["B-PER", "O", "O"])]


def tiny(**settings: object) -> Config:
    sizes = {"words.dim": 3, "chars.dim": 3, "chars.filters": 3, "encoder.size": 3, "training.epochs": 3}
    return configure(settings={**sizes, **settings})


def read(path: Path) -> list[dict[str, object]]:
    text = path.read_text("utf-8")
    assert text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize(
    ("model", "log"),
    [
        ("ner.safetensors", "ner.log.jsonl"),
        ("my.model", "my.model.log.jsonl"),
        ("v1.2.safetensors", "v1.2.log.jsonl"),
    ],
)
def test_the_log_is_beside_the_model(model: str, log: str) -> None:
    assert log_beside(Path("out") / model) == Path("out") / log


def test_the_log_starts_with_settings_counts_and_versions(tmp_path: Path) -> None:
    log = TrainingLog(tmp_path / "a.log.jsonl")
    path = log.path
    config = tiny()
    loop.train(SENTENCES, SENTENCES[:1], config, None, [log])
    start = read(path)[0]
    assert start["event"] == "start"
    assert [start[name] for name in ("train_sentences", "train_tokens", "train_words")] == [2, 5, 5]
    assert (start["dev_sentences"], start["vectors"], start["device"]) == (1, None, "cpu")
    assert set(json.loads(json.dumps(start["versions"]))) == {"python", "torch", "numpy", "tagsmith"}
    assert configure(settings=flat(start["config"])) == config


def flat(config: object) -> dict[str, object]:
    assert isinstance(config, dict)
    result: dict[str, object] = {}
    for name, value in config.items():
        result |= {f"{name}.{inner}": v for inner, v in value.items()} if isinstance(value, dict) else {name: value}
    return result


def test_the_log_has_a_line_for_every_epoch(tmp_path: Path) -> None:
    log = TrainingLog(tmp_path / "a.log.jsonl")
    path = log.path
    run = loop.train(SENTENCES, SENTENCES, tiny(), None, [log])
    lines = read(path)[1:]
    assert [line["epoch"] for line in lines] == [1, 2, 3]
    for line, epoch in zip(lines, run.epochs, strict=True):
        assert epoch.dev is not None
        dev = epoch.dev.as_dict()
        del dev["confusion"]
        assert line == {
            "event": "epoch",
            "epoch": epoch.number,
            "loss": epoch.loss,
            "learning_rate": epoch.learning_rate,
            "seconds": round(epoch.seconds, 3),
            "tokens_per_second": round(epoch.tokens_per_second, 1),
            "best": epoch.best,
            "dev": dev,
        }


def test_the_log_says_null_where_there_is_no_dev(tmp_path: Path) -> None:
    log = TrainingLog(tmp_path / "a.log.jsonl")
    path = log.path
    loop.train(SENTENCES, None, tiny(), None, [log])
    start, *lines = read(path)
    assert start["dev_sentences"] is None
    assert [(line["dev"], line["best"]) for line in lines] == [(None, True)] * 3


def test_an_epoch_is_in_the_log_as_soon_as_it_is_over(tmp_path: Path) -> None:
    path = TrainingLog(tmp_path / "a.log.jsonl").path
    seen: list[int] = []

    class Reader(TrainingLog):
        def finished_epoch(self, epoch: Epoch) -> None:
            super().finished_epoch(epoch)
            seen.append(len(read(path)))

    loop.train(SENTENCES, None, tiny(), None, [Reader(tmp_path / "a.log.jsonl")])
    assert seen == [2, 3, 4]


def test_a_new_training_overwrites_the_log(tmp_path: Path) -> None:
    log = TrainingLog(tmp_path / "a.log.jsonl")
    path = log.path
    for _ in range(2):
        loop.train(SENTENCES, None, tiny(), None, [log])
    assert [line["event"] for line in read(path)] == ["start", "epoch", "epoch", "epoch"]


def test_a_log_gets_its_name_when_its_model_is_there(tmp_path: Path) -> None:
    (tmp_path / "a.log.jsonl").write_text("old")
    log = TrainingLog(tmp_path / "a.log.jsonl")
    log.started({})
    assert (tmp_path / "a.log.jsonl").read_text() == "old"
    log.keep()
    assert read(tmp_path / "a.log.jsonl") == [{"event": "start"}]
    assert not log.path.exists()
