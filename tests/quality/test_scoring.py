"""Scores of predicted tags against tagged sentences."""

from __future__ import annotations

import pytest

from tagsmith import DataError, Sentence
from tagsmith.quality.scoring import score_sentences
from tagsmith.text import Tagged


def tagged(*tags: str) -> Tagged:
    return Tagged("", (), tags, (), (), ())


def test_gold_spans_of_any_scheme_are_compared_in_one() -> None:
    gold = [Sentence(["New", "York"], ["I-LOC", "I-LOC"]), Sentence(["Ann"], ["S-PER"])]
    scores = score_sentences(zip(gold, [tagged("B-LOC", "I-LOC"), tagged("O")], strict=True), "IOB2")
    assert (scores.overall.gold, scores.overall.predicted, scores.overall.correct) == (2, 1, 1)
    assert scores.correct_tokens == 2


def test_plain_tags_are_counted_as_they_are() -> None:
    scores = score_sentences([(Sentence(["New", "York"], ["ADJ", "NOUN"]), tagged("NOUN", "NOUN"))], "plain")
    assert (scores.score, scores.labels["NOUN"].predicted) == (50.0, 2)


def test_a_sentence_without_tags_is_an_error_at_its_line() -> None:
    with pytest.raises(DataError, match=r"^a\.txt:3: found a sentence without tags; expected gold tags to score"):
        score_sentences([(Sentence(["a"], None, "a.txt", [3]), tagged("O"))], "IOB2")
