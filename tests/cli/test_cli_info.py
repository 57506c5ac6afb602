from __future__ import annotations

import json
from pathlib import Path

import pytest
from handmade import lexicon_model, random_model
from shell import run

from tagsmith import store
from tagsmith.tensors import digest, map_tensors, write_tensors


@pytest.fixture
def model(tmp_path: Path) -> Path:
    store.save(lexicon_model(), tmp_path / "m.safetensors")
    return tmp_path / "m.safetensors"


def test_json_has_labels_sizes_settings_and_training(tiny_model_path: Path):
    facts = json.loads(run("info", tiny_model_path, "--json").out)
    model = store.load(tiny_model_path)
    assert facts["file"] == str(tiny_model_path)
    assert facts["bytes"] == tiny_model_path.stat().st_size
    assert facts["format_version"] == 2
    assert facts["labels"] == ["LOC", "MISC", "ORG", "PER"]
    assert facts["tags"] == 17
    assert facts["words"] == facts["trained_words"] == len(model.alphabets.words)
    assert facts["chars"] == len(model.alphabets.chars)
    assert facts["parameters"] == sum(weight.size for weight in model.weights.values())
    assert facts["config"]["encoder"]["size"] == 16
    assert facts["training"]["train_sentences"] == 488
    assert facts["training"]["epochs"] == 3


def test_the_format_version_is_the_files_own(model: Path, tmp_path: Path):
    tensors, text = map_tensors(model, "tagsmith")
    document = {**json.loads(text), "format_version": 1, "sha256": ""}
    text = json.dumps(document, separators=(",", ":"))
    text = text.replace('"sha256":""', f'"sha256":"{digest(text, tensors)}"')
    write_tensors(tmp_path / "old", tensors, text, "tagsmith")
    assert json.loads(run("info", tmp_path / "old", "--json").out)["format_version"] == 1


def test_the_table_has_a_row_for_every_figure_of_the_json(model: Path):
    result = run("info", model)
    assert (result.code, result.err) == (0, "")
    rows = dict(line.split(maxsplit=1) for line in result.out.splitlines())
    facts = json.loads(run("info", model, "--json").out)
    assert rows["labels"] == "LOC PER"
    assert rows["parameters"] == str(facts["parameters"])
    for section in ("words", "chars", "encoder", "head", "decode", "training"):
        for name in facts["config"][section]:
            assert f"config.{section}.{name}" in rows
    assert rows["config.encoder.size"] == "9"
    assert rows["training.best_epoch"] == "0"


def test_each_kind_of_part_is_named_and_shows_its_own_settings_only(tmp_path: Path):
    settings = {"chars.kind": "none", "encoder.kind": "rnn", "encoder.layers": 2, "head.kind": "softmax"}
    store.save(random_model(1, settings=settings), tmp_path / "m")
    rows = dict(line.split(maxsplit=1) for line in run("info", tmp_path / "m").out.splitlines())
    assert {name: value for name, value in rows.items() if name.startswith(("config.chars", "config.head"))} == {
        "config.chars.kind": "none",
        "config.head.kind": "softmax",
    }
    assert (rows["config.encoder.kind"], rows["config.encoder.layers"]) == ("rnn", "2")
    assert (rows["config.encoder.variational"], rows["config.decode.constraints"]) == ("False", "scheme")


def test_the_labels_of_plain_tags_are_the_tags(tmp_path: Path):
    store.save(lexicon_model({"dog": "NOUN", "in": "B-IN"}, "plain"), tmp_path / "m")
    assert json.loads(run("info", tmp_path / "m", "--json").out)["labels"] == ["B-IN", "NOUN", "O"]


def test_another_kind_of_file_is_an_error_of_one_line(tmp_path: Path):
    (tmp_path / "x").write_text("Jay B-PER\n")
    result = run("info", tmp_path / "x")
    assert (result.code, result.out, result.err.count("\n")) == (1, "", 1)
    assert result.err.startswith(f"error: {tmp_path}/x: found a damaged or foreign file ")
