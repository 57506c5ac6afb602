"""Rules from the command line: --rules, --labels, and "rules" in an object."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tagsmith import store
from tests.support.handmade import lexicon_model
from tests.support.shell import Result, run


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a model whose predictions are known."""
    path = tmp_path_factory.mktemp("model") / "known.safetensors"
    store.save(lexicon_model(), path)
    return path


def write(path: Path, *objects: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(value) + "\n" for value in objects), "utf-8")
    return path


def test_a_file_of_rules_holds_for_texts_and_files(model: Path, tmp_path: Path):
    rules = write(tmp_path / "r.jsonl", {"tokens": ["India"], "label": "PER"}, {"pattern": ["J.*"], "tag": "O"})
    text = run("tag", model, "--rules", rules, "--text", "Jay left India")
    assert text == Result(0, "Jay : O\nleft : O\nIndia : PER\n\n", "")
    (tmp_path / "x.conll").write_text("Jay NN\nIndia NN\n\nleft VB\n")
    columns = run("tag", model, tmp_path / "x.conll", "--to", "conll", "--rules", rules)
    assert columns == Result(0, "Jay NN O\nIndia NN B-PER\n\nleft VB O\n", "")


def test_labels_are_restricted_alone_and_with_a_file(model: Path, tmp_path: Path):
    assert run("tag", model, "--labels", "PER", "--text", "Jay India").out == "Jay : PER\nIndia : O\n\n"
    assert run("tag", model, "--labels", "PER, LOC", "--text", "Jay India").out == "Jay : PER\nIndia : LOC\n\n"
    rules = write(tmp_path / "r.jsonl", {"tokens": ["Jay"], "tag": "O"})
    both = run("tag", model, "--labels", "LOC", "--rules", rules, "--text", "Jay India Mira")
    assert both.out == "Jay : O\nIndia : LOC\nMira : O\n\n"


def test_objects_bring_rules_which_stay_in_the_prediction(model: Path, tmp_path: Path):
    own = [{"start_char": 4, "end_char": 9, "label": "PER"}]
    file = write(
        tmp_path / "in.jsonl",
        {"text": "Jay India", "rules": own, "id": 7},
        {"tokens": ["Jay", "India"], "rules": [{"token": 0, "not": "PER"}]},
        {"tokens": ["Jay", "India"]},
    )
    result = run("tag", model, file, "--to", "jsonl")
    assert (result.code, result.err) == (0, "")
    predictions = [json.loads(line) for line in result.out.splitlines()]
    assert [prediction["tags"] for prediction in predictions] == [
        ["B-PER", "B-PER"],
        ["O", "B-LOC"],
        ["B-PER", "B-LOC"],
    ]
    assert (predictions[0]["rules"], predictions[0]["id"]) == (own, 7)
    again = run("tag", model, "--from", "jsonl", "--to", "jsonl", stdin=result.out.encode())
    assert [json.loads(line)["tags"] for line in again.out.splitlines()] == [
        prediction["tags"] for prediction in predictions
    ]


def test_a_model_is_scored_with_rules(model: Path, tmp_path: Path):
    rules = write(tmp_path / "r.jsonl", {"tokens": ["Goa"], "label": "LOC"})
    (tmp_path / "x.conll").write_text("Goa B-LOC\n\nIndia B-LOC\n")
    for options, recall in (((), 50.0), (("--rules", rules), 100.0), (("--labels", "PER"), 0.0)):
        scored = run("evaluate", model, tmp_path / "x.conll", "--json", *options)
        assert json.loads(scored.out)["recall"] == recall


def test_probabilities_and_errors_are_with_rules_too_but_calibration_is_of_the_model(model: Path, tmp_path: Path):
    rules = write(tmp_path / "r.jsonl", {"tokens": ["left"], "label": "LOC"})
    words = "tag", model, "--rules", rules, "--text", "Jay left", "--probabilities", "--to", "jsonl"
    assert [span["probability"] for span in json.loads(run(*words).out)["spans"]] == [pytest.approx(1, abs=1e-3)] * 2
    (tmp_path / "x.conll").write_text("left B-LOC\n")
    scored = run("evaluate", model, tmp_path / "x.conll", "--json", "--rules", rules, "--errors", tmp_path / "e.html")
    assert json.loads(scored.out)["f1"] == 100.0
    refused = run("evaluate", model, tmp_path / "x.conll", "--labels", "PER", "--calibration", tmp_path / "c.html")
    assert (refused.code, "it does not go with --rules or --labels" in refused.err) == (2, True)


class TestErrors:
    def test_a_bad_line_names_file_line_and_what_was_expected(self, model: Path, tmp_path: Path):
        rules = write(tmp_path / "r.jsonl", {"tag": "O"}, {"tokens": ["x"], "lable": "PER"})
        result = run("tag", model, "--rules", rules, "--text", "x")
        assert (result.code, result.out) == (1, "")
        assert f"{rules}:2: found" in result.err
        assert "unknown field `lable`); expected a JSON object with" in result.err

    def test_a_label_that_the_model_lacks(self, model: Path, tmp_path: Path):
        rules = write(tmp_path / "r.jsonl", {"tokens": ["x"], "label": "GPE"})
        assert f"{rules}:1: found label 'GPE'; expected one of the model's: LOC, PER" in (
            run("tag", model, "--rules", rules, "--text", "x").err
        )
        assert "--labels: found label 'GPE'; expected" in run("tag", model, "--labels", "GPE", "--text", "x").err

    def test_contradictions_stop_the_run_and_leave_no_file(self, model: Path, tmp_path: Path):
        rules = write(tmp_path / "r.jsonl", {"tokens": ["Jay"], "label": "PER"}, {"tokens": ["Jay"], "not": "PER"})
        result = run("tag", model, "--rules", rules, "--text", "Jay left", "--out", tmp_path / "out")
        assert result.code == 1
        assert f"{rules}:1: " in result.err
        assert f"{rules}:2: " in result.err
        assert not (tmp_path / "out").exists()

    def test_rules_of_an_object_are_named_by_its_line(self, model: Path, tmp_path: Path):
        file = write(tmp_path / "in.jsonl", {"text": "Jay"}, {"text": "Jay", "rules": [{"token": 4, "tag": "O"}]})
        assert f"{file}:2, rule 1: found tokens [4, 5) in " in run("tag", model, file).err
        file = write(tmp_path / "in.jsonl", {"text": "Jay"}, {"text": "Jay", "rules": "none"})
        assert f'{file}:2: found "rules" with a fault (Expected `array`, got `str`)' in run("tag", model, file).err
        skipped = run("tag", model, file, "--skip-bad")
        assert (skipped.code, skipped.out) == (0, "Jay : PER\n\n")
        assert "1 malformed line skipped" in skipped.err

    def test_stdin_is_read_once(self, model: Path):
        assert "stdin can't be both" in run("tag", model, "--rules", "-", stdin=b"{}").err
        assert run("tag", model, "--rules", "-", "--text", "Jay", stdin=b'{"tag": "O"}').out == "Jay : O\n\n"

    @pytest.mark.parametrize("option", ["--rules", "--labels"])
    def test_two_files_are_scored_without_rules(self, option: str):
        result = run("evaluate", "--gold", "a", "--predicted", "b", option, "x")
        assert (result.code, f"{option} goes with MODEL" in result.err) == (2, True)


def test_several_files_of_rules_hold_together(model: Path, tmp_path: Path):
    first = write(tmp_path / "a.jsonl", {"tokens": ["Jay"], "tag": "O"})
    second = write(tmp_path / "b.jsonl", {"tokens": ["India"], "label": "PER"})
    both = run("tag", model, "--rules", first, "--rules", second, "--text", "Jay India")
    assert both == Result(0, "Jay : O\nIndia : PER\n\n", "")


def test_an_empty_label_is_named(model: Path):
    result = run("tag", model, "--labels", "PER,", "--text", "Jay")
    assert result.code == 2
    assert "Invalid value for --labels: 'PER,': expected labels with commas between them" in result.err


def test_nothing_is_written_over_what_is_read(model: Path, tmp_path: Path):
    rules = write(tmp_path / "rules.html", {"tokens": ["Jay"], "tag": "O"})
    (tmp_path / "in.txt").write_text("Jay left India\n")
    (tmp_path / "gold.conll").write_text("Jay B-PER\n")
    before = {path: path.read_bytes() for path in (model, rules, tmp_path / "in.txt")}
    for path in before:
        result = run("tag", model, tmp_path / "in.txt", "--rules", rules, "--out", path)
        assert (result.code, result.out) == (1, "")
        assert "a file that is also read" in result.err
    assert run("evaluate", model, tmp_path / "gold.conll", "--rules", rules, "--errors", rules).code == 1
    assert {path: path.read_bytes() for path in before} == before
