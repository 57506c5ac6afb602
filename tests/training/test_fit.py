"""Training to a file: what is written and where, settings from many sources, and starting from an older model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tagsmith import Sentence, Tagger
from tagsmith.cli import run
from tagsmith.errors import ConfigError, DataError
from tests.support.handmade import read_demo, same

SMALL: dict[str, Any] = {"words.dim": 4, "chars.dim": 4, "chars.filters": 4, "encoder.size": 8}
SENTENCES = [
    Sentence(["Ann", "saw", "New", "York"], ["B-PER", "O", "B-LOC", "I-LOC"]),
    Sentence(["Bob", "slept"], ["B-PER", "O"]),
    Sentence(["It", "rains", "in", "Bonn", "."], ["O", "O", "O", "B-LOC", "O"]),
]
MORE = [*SENTENCES, Sentence(["Zoe", "left", "on", "Monday"], ["B-PER", "O", "O", "B-DATE"])]
SIZES_OF_OLD = {
    **{"words.dim": 5, "chars.dim": 4, "chars.filters": 4, "encoder.size": 6, "encoder.dropout_in": 0},
    **{"encoder.dropout_out": 0, "chars.dropout": 0, "training.batch_size": 1, "training.learning_rate": 0.1},
}


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("old") / "old.safetensors"
    Tagger.train(SENTENCES, settings=SIZES_OF_OLD, epochs=40, out=path, progress=False)
    return path


def fine_tune(old: Path | None, sentences: list[Sentence] = SENTENCES, **more: Any) -> Tagger:
    settings = {} if old else SIZES_OF_OLD
    return Tagger.train(sentences, init=old, settings=settings, progress=False, **{"epochs": 1, **more})


def test_it_starts_where_the_old_model_ended_with_the_old_settings(old: Path) -> None:
    warm, fresh = fine_tune(old), fine_tune(None)
    assert warm.history[0].loss < 0.2 * fresh.history[0].loss
    assert warm.model.config.encoder.size == 6


def test_words_of_the_old_model_alone_stay_known(old: Path) -> None:
    tuned = fine_tune(old, MORE[-1:])
    word = tuned.model.alphabets.word_id("Bonn")
    before = Tagger.load(old).model
    assert tuned.model.weights["words.vectors"][word].tolist() == (
        before.weights["words.vectors"][before.alphabets.word_id("Bonn")].tolist()
    )


def test_what_is_kept_and_new_is_printed_and_recorded_in_the_model(
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


class TestTraining:
    def test_plain_tags_are_learned_given_and_scored_by_accuracy(self, tmp_path: Path):
        nouns, verbs = ["dogs", "cats", "birds", "fish"], ["run", "sing", "swim"]
        data = [Sentence(["the", n, v, "."], ["DET", "NOUN", "VERB", "PUNCT"]) for n in nouns for v in verbs]
        options = {**SMALL, "scheme": "plain", "training.learning_rate": 0.2, "encoder.dropout_in": 0.0}
        options |= {"chars.dropout": 0.0, "encoder.dropout_out": 0.0}
        trained = Tagger.train(data, data, settings=options, epochs=12, progress=False, out=tmp_path / "pos")
        scores = trained.evaluate(data)
        assert scores.accuracy == 100.0
        assert (scores.spans, scores.score) == (False, 100.0)
        assert scores.labels["NOUN"].correct == 12
        for one in (trained, Tagger.load(tmp_path / "pos")):
            answer = one.tag("the cats sing.", scheme="BIOES")
            assert (answer.tags, answer.spans) == (("DET", "NOUN", "VERB", "PUNCT"), ())

    def test_a_saved_tagger_answers_like_the_one_that_was_trained(self, tmp_path: Path):
        data = read_demo("train")[:20]
        trained = Tagger.train(data, settings=SMALL, epochs=1, progress=False)
        trained.save(tmp_path / "m.safetensors")
        loaded = Tagger.load(tmp_path / "m.safetensors")
        assert same(loaded.model, trained.model)
        assert list(loaded.tag(s.tokens for s in data)) == list(trained.tag(s.tokens for s in data))

    def test_without_out_no_file_is_written(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.chdir(tmp_path)
        Tagger.train(read_demo("train")[:3], settings=SMALL, epochs=1, progress=False)
        assert list(tmp_path.iterdir()) == []

    def test_with_out_model_log_and_picture_are_written(self, tmp_path: Path):
        Tagger.train(read_demo("train")[:3], settings=SMALL, epochs=1, progress=False, out=tmp_path / "m.safetensors")
        assert sorted(path.name for path in tmp_path.iterdir()) == ["m.log.jsonl", "m.png", "m.safetensors"]

    def test_history_holds_the_epochs_of_this_training(self, tmp_path: Path):
        data = read_demo("train")[:5]
        trained = Tagger.train(data, data, settings=SMALL, epochs=2, progress=False, out=tmp_path / "m")
        assert [epoch.number for epoch in trained.history] == [1, 2]
        assert Tagger.load(tmp_path / "m").history == []

    def test_shorthands_win_over_a_file_and_must_agree_with_settings(self, tmp_path: Path):
        data = read_demo("train")[:3]
        (tmp_path / "my.toml").write_text("[training]\nepochs = 5\nseed = 5\n")
        given = {**SMALL, "training.epochs": "1"}
        trained = Tagger.train(data, settings=given, config=tmp_path / "my.toml", epochs=1, seed=9, progress=False)
        assert (trained.model.config.training.epochs, trained.model.config.training.seed) == (1, 9)
        with pytest.raises(ConfigError, match=r"training\.seed is given twice: 5 by its name, 9 by its short form"):
            Tagger.train(data, settings={**SMALL, "training.seed": 5}, seed=9, progress=False)

    def test_without_progress_nothing_is_printed(self, capfd: pytest.CaptureFixture[str]):
        Tagger.train(read_demo("train")[:3], settings=SMALL, epochs=1, progress=False)
        assert capfd.readouterr() == ("", "")

    @pytest.mark.parametrize("out", ["nowhere/m.safetensors", "."])
    def test_a_place_that_cannot_be_written_to_is_an_error_before_anything_is_read(self, tmp_path: Path, out: str):
        with pytest.raises(DataError) as caught:
            Tagger.train(tmp_path / "also-missing.conll", out=tmp_path / out, progress=False)
        assert caught.value.source == str((tmp_path / out).parent if "/" in out else tmp_path)


def test_training_on_names_of_files_in_a_list_is_refused():
    with pytest.raises(TypeError, match="one file or an iterable of Sentence"):
        Tagger.train(["a.conll", "b.conll"])  # type: ignore[list-item]
