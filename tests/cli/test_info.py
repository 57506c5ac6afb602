from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tagsmith import store
from tagsmith.tensors import digest, map_tensors, write_tensors
from tests.support.handmade import SMALL, lexicon_model, random_model
from tests.support.shell import run


@pytest.fixture
def model(tmp_path: Path) -> Path:
    store.save(lexicon_model(), tmp_path / "m.safetensors")
    return tmp_path / "m.safetensors"


def rows_of(out: str) -> dict[str, str]:
    """The facts at the head of the output, by name."""
    return dict(line.split(maxsplit=1) for line in out.partition("\n\n")[0].splitlines())


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
    rows = rows_of(result.out)
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
    rows = rows_of(run("info", tmp_path / "m").out)
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


def of_two_tags(head: dict[str, str], scheme: str = "IOB2") -> store.Model:
    """A model of O, B-X and I-X whose transitions are 10 times the row plus the column, from 1."""
    model = random_model(1, scheme, ["X"], settings={**SMALL, **head})
    grid = np.array([[10 * i + j for j in (1, 2, 3)] for i in (1, 2, 3, 4)], np.float32)
    if head:
        model.weights["head.bias"][:] = grid.reshape(-1)
    else:
        model.weights["head.transitions"][:], model.weights["head.start_transitions"][:] = grid[:3], grid[3]
    model.weights["head.end_transitions"][:] = [-1.5, -2.5, -3.5]
    return model


@pytest.mark.parametrize("head", [{}, {"head.potentials": "bigram"}], ids=["shared", "bigram"])
def test_transitions_are_a_map_the_strongest_the_weakest_and_the_forbidden(tmp_path: Path, head: dict[str, str]):
    store.save(of_two_tags(head), tmp_path / "m")
    _, heat_map, extremes, forbidden = run("info", tmp_path / "m").out.split("\n\n")
    lines = heat_map.splitlines()
    assert ("bigram" in lines[1]) is bool(head)
    assert lines[1 + bool(head) :] == [
        "              1    2    3  end",
        "      O  1 11.0 12.0    · -1.5",
        "    B-X  2 21.0 22.0 23.0 -2.5",
        "    I-X  3 31.0 32.0 33.0 -3.5",
        "(start)  4 41.0 42.0    ·    ·",
    ]
    assert extremes.splitlines()[:3] == [
        "strongest       score   weakest         score",
        "(start) → B-X   42.00   I-X → (end)     -3.50",
        "(start) → O     41.00   B-X → (end)     -2.50",
    ]
    assert forbidden.splitlines() == [
        "forbidden: 2 of 15 steps",
        "after    never  not of another label  not of the same label",
        "O        I      -                     -",
        "B        -      -                     -",
        "I        -      -                     -",
        "(start)  I      -                     -",
    ]


def test_a_softmax_has_no_transitions_and_says_so(tmp_path: Path):
    store.save(random_model(1, settings={**SMALL, "head.kind": "softmax"}), tmp_path / "m")
    assert run("info", tmp_path / "m").out.endswith("no transitions: a softmax scores every word's tag on its own\n")
    assert json.loads(run("info", tmp_path / "m", "--json").out)["transitions"] is None
    result = run("info", tmp_path / "m", "--picture", tmp_path / "p.html")
    assert (result.code, (tmp_path / "p.html").exists()) == (1, False)
    assert "found a softmax head; expected one with transitions to draw" in result.err


def test_json_has_every_score_and_null_where_a_step_is_never_taken(tmp_path: Path):
    store.save(of_two_tags({}), tmp_path / "m")
    found = json.loads(run("info", tmp_path / "m", "--json").out)["transitions"]
    assert found["by_word"] is False
    assert found["scores"]["O"] == {"O": 11, "B-X": 12, "I-X": None, "(end)": -1.5}
    assert found["scores"]["(start)"] == {"O": 41, "B-X": 42, "I-X": None, "(end)": None}


def test_a_map_without_room_for_scores_shows_signs_and_one_without_room_for_those_is_left_out(tmp_path: Path):
    model = random_model(1, "BIOES", [f"L{i}" for i in range(16)])
    store.save(model, tmp_path / "m")
    lines = run("info", tmp_path / "m").out.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("transitions"))
    assert lines[at + 1].endswith(" 64 65 end")
    step = model.weights["head.transitions"][0, :3]
    assert lines[at + 2].split()[:5] == ["O", "1", *("+" if score > 0 else "-" for score in step[:2]), "·"]
    store.save(random_model(1, "BIOES", [f"L{i}" for i in range(26)]), tmp_path / "m")
    assert "(the heat map needs 329 columns, of which there are 320; --picture" in run("info", tmp_path / "m").out


def test_the_picture_is_a_page_or_a_png(tmp_path: Path):
    store.save(random_model(1, labels=["<b>", "X"]), tmp_path / "m")
    for name in ("p.html", "p.png"):
        result = run("info", tmp_path / "m", "--picture", tmp_path / name)
        assert (result.code, result.err) == (0, f"wrote {tmp_path / name}\n")
    page = (tmp_path / "p.html").read_text()
    assert "S-&lt;b&gt;" in page
    assert "<b>" not in page
    assert "http" not in page
    assert page.count("<td style=") == 10 * 10
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")
    result = run("info", tmp_path / "m", "--picture", tmp_path / "p.pdf")
    assert (result.code, result.out) == (1, "")
    assert "found a name of another ending; expected one that ends in .html or .png" in result.err
