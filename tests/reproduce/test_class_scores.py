"""Vocabulary classes of words and spans, and counts by class."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagsmith.metrics import score
from tagsmith.quality.vocabulary_classes import VOCABULARY_CLASSES
from tagsmith.reproduce.class_scores import by_words, score_by_class

TRAIN = {"seen", "both"}
VECTORS = {"embedded", "both"}
CLASSIFY = by_words(TRAIN, VECTORS)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["both"], "IV"),
        (["BOTH", "Both"], "IV"),
        (["embedded"], "OOTV"),
        (["Embedded"], "OOTV"),
        (["seen"], "OOEV"),
        (["neither"], "OOBV"),
        (["both", "embedded"], "OOTV"),
        (["both", "seen"], "OOEV"),
        (["both", "neither"], "OOBV"),
        # One word is not in the training data, another has no vector.
        (["seen", "embedded"], "OOBV"),
    ],
)
def test_the_class_of_words(words: list[str], expected: str):
    assert CLASSIFY(words) == expected
    assert CLASSIFY(words[::-1]) == expected


def test_each_span_counts_in_the_class_of_its_words():
    tokens = ["Both", "embedded", "x", "seen"]
    gold = ["B-A", "I-A", "O", "B-B"]
    predicted = ["B-A", "O", "B-C", "B-B"]
    counts = score_by_class([(tokens, gold, predicted)], CLASSIFY, spans=True)
    figures = {name: (count.gold, count.predicted, count.correct) for name, count in counts.items()}
    assert figures == {"IV": (0, 1, 0), "OOTV": (1, 0, 0), "OOEV": (1, 1, 1), "OOBV": (0, 1, 0)}


def test_without_spans_every_token_counts():
    counts = score_by_class([(["both", "x"], ["N", "V"], ["N", "N"])], CLASSIFY, spans=False)
    assert (counts["IV"].f1, counts["OOBV"].recall, counts["OOBV"].gold) == (100.0, 0.0, 1)


TAGS = st.sampled_from(["O", "B-A", "I-A", "B-B", "I-B"])
ROWS = st.lists(st.tuples(st.sampled_from(["seen", "both", "embedded", "x"]), TAGS, TAGS), max_size=12)


@given(st.lists(ROWS, max_size=4), st.booleans())
def test_the_classes_add_up_to_the_whole(rows: list[list[tuple[str, str, str]]], spans: bool):
    sentences = [tuple([column[i] for column in row] for i in range(3)) for row in rows]
    counts = score_by_class(sentences, CLASSIFY, spans=spans)  # pyright: ignore[reportArgumentType]
    whole = score([(gold, predicted) for _, gold, predicted in sentences], spans=spans).overall
    assert list(counts) == list(VOCABULARY_CLASSES)
    for name in ("gold", "predicted", "correct"):
        assert sum(getattr(count, name) for count in counts.values()) == getattr(whole, name)
