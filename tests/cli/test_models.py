"""Models by name: where they are found, what comes first, what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tagsmith import DataError, Tagger, bundled, store
from tests.support.handmade import random_model
from tests.support.shell import run

CARD = "# A tagger of nothing much\n\nTrained on random numbers.\n"


@pytest.fixture
def _package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package with the models xx-one and xx-two, the current folder being another."""
    folder, here = tmp_path / "package", tmp_path / "here"
    folder.mkdir()
    here.mkdir()
    store.save(replace(random_model(1), card=CARD), folder / "xx-one.safetensors")
    store.save(random_model(2), folder / "xx-two.safetensors")
    monkeypatch.setattr(bundled, "_FOLDER", folder)
    monkeypatch.chdir(here)


pytestmark = pytest.mark.usefixtures("_package")


def test_a_name_is_a_model_wherever_a_file_would_be():
    assert bundled.names() == ["xx-one", "xx-two"]
    assert store.load("xx-one").card == CARD
    assert Tagger.load("xx-two").model.card == ""
    assert run("tag", "xx-one", "--text", "word1 word2").code == 0
    assert run("info", "xx-one", "--json").code == 0


def test_a_file_of_the_same_name_comes_first():
    store.save(replace(random_model(3), card="mine"), "xx-one")
    assert store.load("xx-one").card == "mine"


def test_a_name_that_is_none_is_an_error_that_lists_the_models():
    with pytest.raises(
        DataError, match=r"^xx-three: found no such file; expected a tagsmith model file or one of: xx-one, xx-two$"
    ):
        Tagger.load("xx-three")


def test_a_model_in_the_package_is_not_written_to(tmp_path: Path):
    (tmp_path / "dev.conll").write_text("word1 B-PER\n")
    done = run("check-int8", "xx-one", tmp_path / "dev.conll")
    assert (done.code, done.err) == (
        1,
        "error: xx-one: found a model in the package; expected a file to write to: --out FILE\n",
    )
    assert not Path("xx-one").exists()
    assert store.load("xx-one").int8 is None


def test_models_are_listed_with_their_titles():
    done = run("models")
    assert [line.split() for line in done.out.splitlines()] == [
        ["xx-one", "0.0", "MB", "A", "tagger", "of", "nothing", "much"],
        ["xx-two", "0.0", "MB"],
    ]
    listed = json.loads(run("models", "--json").out)
    assert [(model["name"], model["title"]) for model in listed] == [
        ("xx-one", "A tagger of nothing much"),
        ("xx-two", ""),
    ]


def test_the_card_of_one_is_shown():
    assert run("models", "xx-one").out == CARD
    assert json.loads(run("models", "xx-one", "--json").out)["card"] == CARD
    assert run("models", "xx-two").out == "xx-two has no model card\n"
    assert run("models", "xx-three").code == 1
