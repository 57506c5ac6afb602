"""Starting from an older model: what the loop does with it, through the facade and the shell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tagsmith import Sentence, Tagger
from tagsmith.cli import run
from tagsmith.errors import ConfigError, DataError

SENTENCES = [
    Sentence(["Ann", "saw", "New", "York"], ["B-PER", "O", "B-LOC", "I-LOC"]),
    Sentence(["Bob", "slept"], ["B-PER", "O"]),
    Sentence(["It", "rains", "in", "Bonn", "."], ["O", "O", "O", "B-LOC", "O"]),
]
MORE = [*SENTENCES, Sentence(["Zoe", "left", "on", "Monday"], ["B-PER", "O", "O", "B-DATE"])]
SMALL = {
    **{"words.dim": 5, "chars.dim": 4, "chars.filters": 4, "encoder.size": 6, "encoder.dropout_in": 0},
    **{"encoder.dropout_out": 0, "chars.dropout": 0, "training.batch_size": 1, "training.learning_rate": 0.1},
}


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("old") / "old.safetensors"
    Tagger.train(SENTENCES, settings=SMALL, epochs=40, out=path, progress=False)
    return path


def fine_tune(old: Path | None, sentences: list[Sentence] = SENTENCES, **more: Any) -> Tagger:
    settings = {} if old else SMALL
    return Tagger.train(sentences, init=old, settings=settings, progress=False, **{"epochs": 1, **more})


def test_it_begins_where_the_old_model_ended_with_the_old_settings(old: Path) -> None:
    begun, anew = fine_tune(old), fine_tune(None)
    assert begun.history[0].loss < 0.2 * anew.history[0].loss
    assert begun.model.config.encoder.size == 6


def test_words_of_the_old_model_alone_stay_known(old: Path) -> None:
    tuned = fine_tune(old, MORE[-1:])
    word = tuned.model.alphabets.word_id("Bonn")
    before = Tagger.load(old).model
    assert tuned.model.weights["words.vectors"][word].tolist() == (
        before.weights["words.vectors"][before.alphabets.word_id("Bonn")].tolist()
    )


def test_what_is_kept_and_new_is_said_and_written_into_the_model(
    old: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "more.conll"
    rows = (zip(sentence.tokens, sentence.tags or (), strict=True) for sentence in MORE)
    data.write_text("\n".join("".join(f"{word}\t{tag}\n" for word, tag in row) for row in rows))
    out = tmp_path / "new.safetensors"
    assert run(["train", "--train", str(data), "--init", str(old), "--epochs", "1", "--out", str(out)]) == 0
    printed = capsys.readouterr().err
    lines = Tagger.load(out).model.training["inherited"]
    assert lines[-1] == "labels: kept LOC PER, new DATE"
    assert all(line in printed for line in lines)


def test_other_sizes_are_an_error(old: Path) -> None:
    with pytest.raises(ConfigError, match=r"encoder\.size is 7, but 6 in the model to start from"):
        Tagger.train(SENTENCES, init=old, settings={"encoder.size": 7}, progress=False)


def test_no_such_model_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        fine_tune(tmp_path / "none.safetensors")


def test_the_old_model_is_not_overwritten(old: Path) -> None:
    with pytest.raises(DataError, match="a file that is also read"):
        fine_tune(old, out=old)
