"""Scores of a model on each split, with and without constraints."""

from __future__ import annotations

from pathlib import Path

from tagsmith import Sentence, Tagger, store
from tagsmith.reproduce.scoring import score_splits
from tests.support.handmade import SMALL, lexicon_model, random_model


def test_a_softmax_is_scored_with_and_without_constraints(tmp_path: Path):
    path = tmp_path / "model.safetensors"
    store.save(random_model(1, settings={**SMALL, "head.kind": "softmax"}), path)
    sentences = [Sentence([f"word{n}" for n in range(m, 30)], ["B-PER", *["O"] * (29 - m)]) for m in range(25)]
    scores, predictions = score_splits(path, {"train": sentences, "test": sentences}, None)
    tags = predictions["test"]
    assert tags["scheme"] != tags["none"]
    for constraints in ("scheme", "none"):
        tagger = Tagger.load(path, constraints=constraints, precision="fp32")
        assert tags[constraints] == [list(tagged.tags) for tagged in tagger.tag(sentences)]
        assert scores["test"][constraints]["f1"] == tagger.evaluate(sentences).f1
    assert scores["test"]["none"]["accuracy"] != scores["test"]["scheme"]["accuracy"]


def test_plain_tags_have_no_constraints(tmp_path: Path):
    path = tmp_path / "model.safetensors"
    store.save(lexicon_model({"runs": "VERB"}, "plain"), path)
    sentences = [Sentence(["Jay", "runs"], ["O", "VERB"]), Sentence(["x"], ["VERB"])]
    scores, predictions = score_splits(path, {"train": sentences[:1], "test": sentences}, None)
    assert predictions == {"test": {"gold": [["O", "VERB"], ["VERB"]], "scheme": [["O", "VERB"], ["O"]]}}
    assert scores["test"]["scheme"]["correct_tokens"] == 2
    classes = scores["test"]["scheme"]["vocabulary"]
    assert (classes["OOEV"]["recall"], classes["OOBV"]["recall"], classes["IV"]["gold"]) == (100.0, 0.0, 0)
