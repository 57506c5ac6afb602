from __future__ import annotations

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagsmith.metrics import score
from tagsmith.quality.mistakes import ErrorAnalysis, PredictedSentence, SpanMatch, WrongString, analyse, match_spans
from tagsmith.schemes import read_spans
from tagsmith.text import Sentence, Span

TAGS = st.lists(st.sampled_from(["O", "B-X", "I-X", "B-Y", "I-Y"]), min_size=1, max_size=9)


def spans(text: str) -> list[Span]:
    """Spans written as ``0-2X 4-5Y``."""
    return [Span(int(word[0]), int(word[2]), word[3:]) for word in text.split()]


@pytest.mark.parametrize(
    ("gold", "predicted", "kinds"),
    [
        ("0-2X", "0-2X", ["right"]),
        ("0-2X", "0-2Y", ["type"]),
        ("0-2X", "1-2X", ["boundary"]),
        ("0-2X", "1-3Y", ["both"]),
        ("0-2X", "", ["missed"]),
        ("", "0-2X", ["invented"]),
        ("0-2X", "2-4X", ["missed", "invented"]),  # adjacent spans do not overlap
        ("0-2X 2-3X", "0-3X", ["boundary", "missed"]),  # the longer overlap is matched
        ("0-1X 1-3X", "0-3X", ["missed", "boundary"]),
        ("0-1X 1-2X", "0-2X", ["boundary", "missed"]),  # equally long: the earlier
        ("0-1X 1-3Y", "0-3X", ["boundary", "missed"]),  # an equal label comes before a longer overlap
        ("0-3X", "0-1X 1-3X", ["invented", "boundary"]),
        ("0-3X 4-6Y", "0-2X 3-5X", ["boundary", "both"]),
        ("0-2X 2-4X", "1-3X 3-5Y", ["boundary", "both"]),
        ("0-1X 1-2Y", "0-1Y 1-2X", ["type", "type"]),
        ("0-2X", "0-1X 1-2Y", ["boundary", "invented"]),
    ],
)
def test_each_kind(gold: str, predicted: str, kinds: list[str]):
    assert [found.kind for found in match_spans(spans(gold), spans(predicted))] == kinds


@given(TAGS, TAGS)
def test_every_span_is_in_one_match_and_the_kinds_add_up(gold_tags: list[str], predicted_tags: list[str]):
    gold, predicted = read_spans(gold_tags), read_spans(predicted_tags)
    found = match_spans(gold, predicted)
    assert sorted(m.gold for m in found if m.gold) == gold
    assert sorted(m.predicted for m in found if m.predicted) == predicted
    kinds = Counter(m.kind for m in found)
    paired = kinds["right"] + kinds["type"] + kinds["boundary"] + kinds["both"]
    assert len(gold) == paired + kinds["missed"]
    assert len(predicted) == paired + kinds["invented"]
    assert kinds["right"] == len(set(gold) & set(predicted))
    assert [m.span for m in found] == sorted(m.span for m in found)
    for kind, a, b in found:
        if a and b:
            assert max(a.start, b.start) < min(a.end, b.end)
            assert (
                kind
                == {
                    (True, True): "right",
                    (True, False): "type",
                    (False, True): "boundary",
                    (False, False): "both",
                }[(a.start, a.end) == (b.start, b.end), a.label == b.label]
            )


@given(TAGS, TAGS)
def test_no_missed_span_overlaps_an_invented_one(gold_tags: list[str], predicted_tags: list[str]):
    found = match_spans(read_spans(gold_tags), read_spans(predicted_tags))
    missed = [m.span for m in found if m.kind == "missed"]
    invented = [m.span for m in found if m.kind == "invented"]
    assert not any(a.start < b.end and b.start < a.end for a in missed for b in invented)


def analysis_of(rows: list[tuple[str, str, str]], *, of_spans: bool = True) -> ErrorAnalysis:
    sentences = [PredictedSentence(Sentence(tokens.split(), gold.split()), tags.split()) for tokens, gold, tags in rows]
    scores = score(((each.gold.tags or (), each.tags) for each in sentences), spans=of_spans)
    return analyse(sentences, scores, lambda words: "IV" if "Oslo" in words else "OOTV")


ROWS = [
    ("Oslo beats Bern", "B-LOC O B-LOC", "B-ORG O B-ORG"),
    ("Oslo beats New York", "B-LOC O B-LOC I-LOC", "B-ORG O O B-LOC"),
    ("Oslo", "B-LOC", "B-LOC"),
    ("Ann Lee sleeps", "B-PER I-PER O", "O O B-PER"),
]


def test_counts_by_kind_label_confusion_string_and_vocabulary_class():
    found = analysis_of(ROWS)
    assert found.by_kind() == {"type": 3, "boundary": 1, "right": 1, "missed": 1, "invented": 1}
    assert found.by_label() == {
        "LOC": {"type": 3, "boundary": 1, "right": 1},
        "PER": {"missed": 1, "invented": 1},
    }
    assert found.confusion() == {("LOC", "ORG"): 3, ("LOC", "LOC"): 2, ("PER", None): 1, (None, "PER"): 1}
    assert found.wrong_strings() == [
        WrongString("Oslo", "type", "LOC", "ORG", 2, 1),
        WrongString("Ann Lee", "missed", "PER", None, 1, 0),
        WrongString("Bern", "type", "LOC", "ORG", 1, 0),
        WrongString("New York", "boundary", "LOC", "LOC", 1, 0),
        WrongString("sleeps", "invented", None, "PER", 1, 0),
    ]
    classes = found.by_vocabulary()
    assert classes is not None
    assert {name: (count.gold, count.predicted, count.correct) for name, count in classes.items()} == {
        "IV": (3, 3, 1),
        "OOTV": (3, 3, 0),
        "OOEV": (0, 0, 0),
        "OOBV": (0, 0, 0),
    }
    kinds = {"right": 1, "type": 3, "boundary": 1, "both": 0, "missed": 1, "invented": 1}
    document = json.loads(json.dumps(found.as_dict()))
    assert document["kinds"] == kinds
    assert document["labels"]["LOC"] == {**dict.fromkeys(kinds, 0), "right": 1, "type": 3, "boundary": 1}
    assert document["vocabulary"]["IV"]["recall"] == pytest.approx(100 / 3)


@given(st.lists(st.tuples(TAGS, TAGS), max_size=4))
def test_vocabulary_classes_and_labels_add_up_to_the_scores(rows: list[tuple[list[str], list[str]]]):
    rows = [(a[: len(b)], b[: len(a)]) for a, b in rows]
    sentences = [PredictedSentence(Sentence([f"w{i}" for i in range(len(a))], a), b) for a, b in rows]
    scores = score(((each.gold.tags or (), each.tags) for each in sentences), spans=True)
    found = analyse(sentences, scores, lambda words: "OOEV" if "w0" in words else "IV")
    classes = found.by_vocabulary()
    assert classes is not None
    for what in ("gold", "predicted", "correct"):
        assert sum(getattr(count, what) for count in classes.values()) == getattr(scores.overall, what)
    for label, count in found.by_label().items():
        assert count.total() - count["invented"] == scores.labels[label].gold
        assert count["right"] == scores.labels[label].correct


def test_a_plain_tag_is_right_or_has_another_type():
    found = analysis_of([("Oslo is big", "NOUN VERB B-X", "NOUN ADJ I-X"), ("Bern", "NOUN", "NOUN")], of_spans=False)
    assert found.kinds == ["right", "type"]
    assert found.by_kind() == {"right": 2, "type": 2}
    assert found.confusion() == {("NOUN", "NOUN"): 2, ("VERB", "ADJ"): 1, ("B-X", "I-X"): 1}
    assert found.sentences[0].matches[2] == SpanMatch("type", Span(2, 3, "B-X"), Span(2, 3, "I-X"))
    assert found.as_dict()["labels"]["VERB"] == {"right": 0, "type": 1}


def test_without_a_classifier_the_vocabulary_is_unknown():
    found = analyse([PredictedSentence(Sentence(["a"], ["B-X"]), ["O"])], score([(["B-X"], ["O"])], spans=True))
    assert found.by_vocabulary() is None
    assert found.as_dict()["vocabulary"] is None


def test_predictions_are_counted_by_confidence_and_the_most_confident_errors_come_first():
    sentence = Sentence(["a", "b", "c", "d", "e"], ["B-X", "O", "B-X", "B-X", "O"])
    tags, probabilities = ["B-X", "B-X", "B-Y", "O", "B-X"], [0.9, 0.6, 0.9991, 0.49]
    scores = score([(sentence.tags or (), tags)], spans=True)
    found = analyse([PredictedSentence(sentence, tags, probabilities)], scores)
    assert found.by_confidence() == {0.0: {"invented": 1}, 0.5: {"invented": 1}, 0.9: {"right": 1}, 0.999: {"type": 1}}
    assert [(each.text(m.span), each.confidence(m)) for each, m in found.most_confident_errors()] == [
        ("c", 0.9991),
        ("b", 0.6),
        ("e", 0.49),
    ]
    assert found.as_dict()["confidence"][-1] == {
        "from": 0.999,
        "right": 0,
        "type": 1,
        "boundary": 0,
        "both": 0,
        "invented": 0,
    }


def test_there_must_be_one_probability_for_each_span():
    scores = score([(["B-X"], ["B-X"])], spans=True)
    with pytest.raises(ValueError, match="argument"):
        analyse([PredictedSentence(Sentence(["a"], ["B-X"]), ["B-X"], [0.5, 0.5])], scores)
