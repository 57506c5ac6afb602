"""The setting of a benchmark: its files, and models that don't suit."""

from __future__ import annotations

from pathlib import Path

import pytest

from tagsmith import Tagger, store
from tagsmith.bench.setting import set_up
from tagsmith.errors import ConfigError
from tests.support.handmade import DEMO, lexicon_model


def save(model: store.Model, path: Path) -> str:
    store.save(model, path)
    return str(path)


def test_the_corpus_in_the_package_is_the_default(tmp_path: Path):
    model = save(lexicon_model(), tmp_path / "model.safetensors")
    setting = set_up(tmp_path / "out", tmp_path / "rivals", model=model)
    assert (len(setting.sentences), setting.tokens) == (96, 1465)
    assert setting.path("x").parent == tmp_path / "out" / "work"
    assert setting.plain_f1 == Tagger.load(model).evaluate(DEMO / "test.conll").f1


def test_a_model_of_plain_tags_is_refused(tmp_path: Path):
    model = save(lexicon_model({"runs": "VERB"}, "plain"), tmp_path / "model.safetensors")
    with pytest.raises(ConfigError, match="a model of plain tags; the benchmark compares spans"):
        set_up(tmp_path / "out", tmp_path / "rivals", model=model)


def test_a_corpus_needs_all_its_files(tmp_path: Path):
    with pytest.raises(ConfigError, match="give all three, or none"):
        set_up(tmp_path / "out", tmp_path / "rivals", train=str(DEMO / "train.conll"))
