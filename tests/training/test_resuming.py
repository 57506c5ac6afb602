"""Resuming: a training cut off anywhere ends in the same bytes, and another training's checkpoint is refused."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tagsmith import Sentence, Tagger
from tagsmith.errors import ConfigError, DataError
from tagsmith.training.checkpoint import checkpoint_beside

SENTENCES = [
    Sentence(["Ann", "saw", "New", "York"], ["B-PER", "O", "B-LOC", "I-LOC"]),
    Sentence(["Bob", "slept"], ["B-PER", "O"]),
    Sentence(["It", "rains", "in", "Bonn", "."], ["O", "O", "O", "B-LOC", "O"]),
    Sentence(["Carl"], ["B-PER"]),
]
TINY = {
    **{"words.dim": 5, "chars.dim": 4, "chars.filters": 4, "encoder.size": 6},
    **{"training.batch_size": 1, "training.epochs": 3},
}
RECIPES: dict[str, dict[str, Any]] = {
    "sgd": {},
    "sgd, average": {"training.average": 0.9},
    "adam": {"training.optimizer": "adam", "training.learning_rate": 0.01, "training.schedule": "linear"},
    "adamw": {"training.optimizer": "adamw", "training.learning_rate": 0.01, "training.schedule": "constant"},
    "nadam": {"training.optimizer": "nadam", "training.learning_rate": 0.01, "training.schedule": "cosine"},
    "radam, average": {"training.optimizer": "radam", "training.learning_rate": 0.01, "training.average": 0.9},
}


def train(out: Path, settings: Mapping[str, Any], sentences: list[Sentence] = SENTENCES, **more: Any) -> Tagger:
    given = {**TINY, **settings}
    return Tagger.train(sentences, SENTENCES, settings=given, out=out, progress=False, checkpoint_minutes=0.0, **more)


def cut_off(out: Path, settings: Mapping[str, Any], after: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Train until just after the nth checkpoint, and die."""
    from tagsmith.training import checkpoint

    save, count = checkpoint.save, iter(range(1, 1000))

    def save_and_die(*arguments: Any) -> None:
        save(*arguments)
        if next(count) == after:
            raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "save", save_and_die)
        with pytest.raises(MemoryError):
            train(out, settings)
    assert checkpoint_beside(out).exists()
    assert not out.exists()


# 3 epochs of 4 steps, with a checkpoint after each step and each epoch: 15 in all.
@pytest.mark.parametrize("after", [1, 4, 5, 7, 15])
@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_a_resumed_training_ends_in_the_same_bytes(
    recipe: dict[str, Any], after: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, resumed = tmp_path / "whole.safetensors", tmp_path / "resumed.safetensors"
    history = train(whole, recipe).history
    cut_off(resumed, recipe, after, monkeypatch)
    again = train(resumed, recipe, resume=True).history
    assert resumed.read_bytes() == whole.read_bytes()
    assert [(epoch.loss, epoch.dev, epoch.best) for epoch in again] == [(e.loss, e.dev, e.best) for e in history]
    assert not checkpoint_beside(resumed).exists()


def test_other_settings_and_data_are_refused_by_name_unless_overridden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "m.safetensors"
    cut_off(out, {}, 5, monkeypatch)
    with pytest.raises(ConfigError, match=r"config\.training\.epochs: 3 in the checkpoint, 4 now"):
        train(out, {"training.epochs": 4}, resume=True)
    with pytest.raises(ConfigError, match=r"data\.train: \w+ in the checkpoint, \w+ now"):
        train(out, {}, [*SENTENCES, SENTENCES[0]], resume=True)
    with pytest.raises(
        ConfigError, match=r"weights in the checkpoint are not those .* encoder.bias is \[2, 24\], here \[2, 28\];"
    ):
        train(out, {"encoder.size": 7}, resume_anyway=True)
    for head in ({"head.kind": "softmax"}, {"head.potentials": "bigram"}):
        with pytest.raises(ConfigError, match=r"weights in the checkpoint are not those of this training: head"):
            train(out, head, resume_anyway=True)
    with pytest.raises(
        ConfigError, match=r"optimizer's numbers in the checkpoint are not .*: rows.last is .*, here missing;"
    ):
        train(out, {"training.optimizer": "adam"}, resume_anyway=True)
    assert [epoch.number for epoch in train(out, {"training.epochs": 4}, resume_anyway=True).history] == [1, 2, 3, 4]


def renamed(sentences: list[Sentence], **names: str) -> list[Sentence]:
    return [Sentence([names.get(token, token) for token in s.tokens], s.tags) for s in sentences]


@pytest.mark.parametrize(
    "others",
    [
        renamed(SENTENCES, Ann="Zoe"),  # as many words, in another order
        [Sentence(s.tokens, [tag.replace("LOC", "ORG") for tag in s.tags or ()]) for s in SENTENCES],
        renamed(SENTENCES, rains="rainn"),
    ],
    ids=["words", "tags", "characters"],
)
def test_weights_never_become_those_of_other_words_characters_or_tags(
    others: list[Sentence], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "m.safetensors"
    cut_off(out, {}, 5, monkeypatch)
    with pytest.raises(ConfigError, match=r"(?s)data\.alphabets: .* matched by position: .* its model with --init"):
        train(out, {}, others, resume_anyway=True)


def test_other_sentences_of_the_same_words_restart_the_unfinished_epoch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out, again = tmp_path / "m.safetensors", [*SENTENCES, *SENTENCES]
    cut_off(out, {}, 7, monkeypatch)
    given: dict[str, Any] = {"settings": TINY, "out": out, "resume_anyway": True}
    backwards = SENTENCES[::-1]
    with pytest.raises(ConfigError, match=r"data\.alphabets"):
        Tagger.train(again, SENTENCES, **given)  # characters that came once come twice now
    tagger = Tagger.train(backwards, SENTENCES, **given)
    said = capsys.readouterr().err
    assert "1 epochs and 0 steps of the next are done" in said
    assert "sentences, batches or seed differ from the checkpoint's: its unfinished epoch starts again" in said
    assert [epoch.number for epoch in tagger.history] == [1, 2, 3]
    tokens = sum(map(len, SENTENCES))
    assert tagger.history[1].tokens_per_second * tagger.history[1].seconds == pytest.approx(tokens)


def test_on_another_dev_file_the_best_epoch_is_scored_again_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out, settings = tmp_path / "m.safetensors", {"training.learning_rate": 0.3, "training.average": 0.5}
    cut_off(out, settings, 15, monkeypatch)
    model, dev = tmp_path / "copy.safetensors", SENTENCES[:1]
    before = train(model, settings)
    best = before.model.training["best_epoch"]
    given: dict[str, Any] = {"settings": {**TINY, **settings}, "out": out, "resume_anyway": True}
    tagger = Tagger.train(SENTENCES, dev, **given)
    expected = before.evaluate(dev)
    scored = {epoch.number: epoch.dev and epoch.dev.score for epoch in tagger.history}
    assert scored == {number: expected.score if number == best else None for number in (1, 2, 3)}
    assert tagger.model.weights["head.bias"].tobytes() == before.model.weights["head.bias"].tobytes()
    said = f"epoch {best}, the best on the old one, scores {expected.score:.2f} on the new one"
    assert said in capsys.readouterr().err


def test_without_the_dev_file_its_scores_are_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "m.safetensors"
    cut_off(out, {}, 5, monkeypatch)
    tagger = Tagger.train(SENTENCES, settings=TINY, out=out, resume_anyway=True, progress=False)
    assert [epoch.dev for epoch in tagger.history] == [None] * 3
    assert tagger.model.training["best_epoch"] == 3


def test_a_new_training_does_not_overwrite_a_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "m.safetensors"
    cut_off(out, {}, 2, monkeypatch)
    before = checkpoint_beside(out).read_bytes()
    with pytest.raises(
        DataError,
        match="the checkpoint of an unfinished training; expected --resume to continue it, or that you delete",
    ):
        train(out, {})
    assert checkpoint_beside(out).read_bytes() == before


def test_without_a_checkpoint_resume_starts_from_the_beginning(tmp_path: Path) -> None:
    whole, resumed = tmp_path / "whole.safetensors", tmp_path / "resumed.safetensors"
    train(whole, {})
    train(resumed, {}, resume=True)
    assert resumed.read_bytes() == whole.read_bytes()


def test_what_a_training_resumes_from_is_printed_and_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "m.safetensors"
    cut_off(out, {}, 7, monkeypatch)
    given: dict[str, Any] = {"settings": TINY, "out": out, "resume": True}
    Tagger.train(SENTENCES, SENTENCES, **given)
    said = capsys.readouterr().err
    resumed = json.loads((tmp_path / "m.log.jsonl").read_text().splitlines()[0])["resumed"]
    assert (resumed["checkpoint"], resumed["epochs"], resumed["steps"], resumed["notes"]) == (True, 1, 2, [])
    assert resumed["seconds"] > 0
    line = "resuming from the checkpoint: 1 epochs and 2 steps of the next are done"
    assert f"{line}, {resumed['seconds']:,.0f} s of training" in said
    Tagger.train(SENTENCES, SENTENCES, **{**given, "out": tmp_path / "other"})
    assert "no checkpoint: training from the beginning" in capsys.readouterr().err


def test_a_finished_model_is_nothing_to_resume(tmp_path: Path) -> None:
    out = tmp_path / "m.safetensors"
    train(out, {})
    before = out.read_bytes()
    with pytest.raises(
        DataError, match=r"m\.safetensors: found a finished model without a checkpoint, so nothing to resume"
    ):
        train(out, {}, resume=True)
    assert out.read_bytes() == before


@pytest.mark.parametrize("minutes", [float("nan"), -1.0])
def test_minutes_between_checkpoints_are_a_number_from_0(minutes: float, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="minutes between checkpoints; expected 0 or more"):
        Tagger.train(SENTENCES, settings=TINY, out=tmp_path / "m", checkpoint_minutes=minutes, progress=False)


def test_resume_needs_a_model_file() -> None:
    with pytest.raises(ConfigError, match="resume without out"):
        Tagger.train(SENTENCES, resume=True, progress=False)


def test_kill_9_and_resume_end_in_the_same_file(tmp_path: Path) -> None:
    data = tmp_path / "train.conll"
    data.write_text(
        "\n".join("".join(f"{w}\t{t}\n" for w, t in zip(s.tokens, s.tags or (), strict=True)) for s in SENTENCES)
    )
    settings = [
        word for name, value in {**TINY, "training.epochs": 40}.items() for word in ("--set", f"{name}={value}")
    ]
    command = [sys.executable, "-m", "tagsmith", "train", "--train", str(data), "--dev", str(data), *settings]
    command += ["--set", "training.patience=100", "--checkpoint-minutes", "0", "--quiet", "--resume", "--out"]
    whole = tmp_path / "whole.safetensors"
    subprocess.run([*command, str(whole)], check=True)
    draw = random.Random(1)
    out = tmp_path / "killed.safetensors"
    killed = 0
    while not out.exists():
        process = subprocess.Popen([*command, str(out)])
        checkpoint = checkpoint_beside(out)
        stamp = checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0
        # Wait for the first checkpoint of this process, so that each one makes progress.
        while process.poll() is None and not (checkpoint.exists() and checkpoint.stat().st_mtime_ns != stamp):
            time.sleep(0.01)
        if killed < 3:
            time.sleep(draw.uniform(0.0, 0.3))
            process.send_signal(signal.SIGKILL)
            killed += 1
        assert process.wait() in (0, -signal.SIGKILL)
    assert killed == 3
    assert out.read_bytes() == whole.read_bytes()
