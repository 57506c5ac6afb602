from __future__ import annotations

import json
import math
import re
from pathlib import Path

import pytest

from tagsmith import Tagger, store
from tests.support.handmade import lexicon_model, random_model
from tests.support.shell import run

TEXT = "Word1 saw word2. Then Word4 left!"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a model that is sure of nothing."""
    path = tmp_path_factory.mktemp("model") / "random.safetensors"
    store.save(random_model(5, scale=0.6), path)
    return path


def test_json_lines_hold_the_probabilities_of_the_prediction(model: Path) -> None:
    result = run("tag", model, "--text", TEXT, "--to", "jsonl", "--probabilities", "--best", 3)
    assert (result.code, result.err) == (0, "")
    found = json.loads(result.out)
    prediction = Tagger.load(model, compiled=False).tag(TEXT, probabilities=True, best=3)
    assert found["token_probabilities"] == pytest.approx(prediction.token_probabilities, rel=1e-5)
    assert found["sentence_probabilities"] == pytest.approx(prediction.sentence_probabilities, rel=1e-5)
    assert [span["probability"] for span in found["spans"]] == pytest.approx(
        [span.probability for span in prediction.spans], rel=1e-5
    )
    assert [[one["tags"] for one in ranked] for ranked in found["alternatives"]] == [
        [list(one.tags) for one in ranked] for ranked in prediction.alternatives or ()
    ]
    for ranked, whole in zip(found["alternatives"], found["sentence_probabilities"], strict=True):
        assert math.exp(ranked[0]["log_probability"]) == pytest.approx(whole, rel=1e-4)


def test_without_the_options_nothing_of_them_is_in_the_prediction(model: Path) -> None:
    found = json.loads(run("tag", model, "--text", TEXT, "--to", "jsonl").out)
    assert found.keys() == {"text", "tokens", "tags", "spans"}
    assert all("probability" not in span for span in found["spans"])


def test_the_table_shows_percentages(model: Path) -> None:
    lines = run("tag", model, "--text", TEXT, "--probabilities", "--best", 2).out.splitlines()
    assert sum(bool(re.fullmatch(r"\S+ : \S+ \d+\.\d%", line)) for line in lines) == 8
    assert sum(bool(re.fullmatch(r"\d+\.\d%", line)) for line in lines) == 2
    assert sum(bool(re.fullmatch(r"\d+\.\d% : \S+( \S+){3}", line)) for line in lines) == 4


def test_a_page_is_shaded_unasked(model: Path) -> None:
    page = run("tag", model, "--text", TEXT, "--to", "html").out
    assert re.search(r'<mark style="background: #[0-9a-f]{8}" title="0\.\d+">', page)


def test_spans_have_their_probability_where_it_is_asked_for(model: Path) -> None:
    found = json.loads(run("tag", model, "--text", TEXT, "--to", "spans", "--probabilities").out)
    assert all(span.keys() == {"start", "end", "label", "probability"} for span in found["spans"])


@pytest.mark.parametrize("form", ["conll", "conllu", "jsonl", "spans", "table", "html"])
def test_spans_below_min_confidence_are_left_out_of_every_form(model: Path, form: str) -> None:
    words = "tag", model, "--text", TEXT, "--to", form
    assert re.search("LOC|PER", run(*words, "--min-confidence", 0).out)
    result = run(*words, "--min-confidence", 1)
    assert (result.code, result.err) == (0, "")
    assert not re.search("LOC|PER", result.out)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--probabilities", "--to", "conll"], "--probabilities goes with --to table, jsonl, spans or html"),
        (["--probabilities", "--to", "conllu"], "--probabilities goes with --to table, jsonl, spans or html"),
        (["--best", "3", "--to", "html"], "--best goes with --to table or jsonl"),
        (["--best", "0"], "0 is not in the range x>=1"),
        (["--best", "x"], "'x' is not a valid integer"),
        (["--min-confidence", "1.5"], "1.5 is not in the range 0<=x<=1"),
    ],
)
def test_what_can_not_be_is_wrong_usage(model: Path, words: list[str], message: str) -> None:
    result = run("tag", model, "--text", TEXT, *words)
    assert (result.code, result.out) == (2, "")
    assert message in " ".join(result.err.split())


def test_a_min_confidence_that_is_no_number_is_refused(model: Path) -> None:
    result = run("tag", model, "--text", TEXT, "--min-confidence", "nan")
    assert (result.code, result.out) == (1, "")
    assert "min_confidence nan: expected a probability, from 0 to 1" in result.err


def test_a_model_of_plain_tags_has_no_spans_to_leave_out(tmp_path: Path) -> None:
    store.save(lexicon_model({"a": "DT"}, scheme="plain"), tmp_path / "pos")
    result = run("tag", tmp_path / "pos", "--text", "a", "--min-confidence", 0.5)
    assert (result.code, result.out) == (1, "")
    assert "min_confidence: found a model of plain tags" in result.err
    assert re.fullmatch(
        r"a : DT \d+\.\d%\n\d+\.\d%\n\n", run("tag", tmp_path / "pos", "--text", "a", "--probabilities").out
    )
