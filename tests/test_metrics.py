from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagsmith.metrics import Count, Scores, score

Pair = tuple[Sequence[str], Sequence[str]]

# The rule of conlleval, written down as the script has it: a stream of tag pairs with an O pair between
# sentences, predicates on neighbouring tags, and one flag for "inside a chunk that is right so far". Its own
# tables know B, I, O and an E; here a chunk always starts at B and S and always ends after E and S.
STARTS = {"BB", "IB", "OB", "EB", "SB", "BS", "IS", "OS", "ES", "SS", "OI", "OE", "EI", "EE", "SI", "SE"}
ENDS = {"BB", "BS", "BO", "IB", "IS", "IO", "EB", "EI", "EE", "ES", "EO", "SB", "SI", "SE", "SS", "SO"}


class Conlleval:
    def __init__(self, pairs: Sequence[Pair]) -> None:
        self.gold, self.guessed, self.right = Counter(), Counter(), Counter()
        self.tokens = self.right_tokens = 0
        last_gold = last_guess = ("O", "")
        inside = False
        for gold, guess, boundary in self._stream(pairs):
            gold_ends, guess_ends = self._ends(last_gold, gold), self._ends(last_guess, guess)
            gold_starts, guess_starts = self._starts(last_gold, gold), self._starts(last_guess, guess)
            if inside and gold_ends and guess_ends:
                self.right[last_gold[1]] += 1
                inside = False
            elif inside and (gold_ends or guess_ends):
                inside = False
            if gold_starts and guess_starts and gold[1] == guess[1]:
                inside = True
            self.gold[gold[1]] += gold_starts
            self.guessed[guess[1]] += guess_starts
            self.tokens += not boundary
            self.right_tokens += gold == guess and not boundary
            last_gold, last_guess = gold, guess

    @staticmethod
    def _stream(pairs: Sequence[Pair]) -> Iterator[tuple[tuple[str, str], tuple[str, str], bool]]:
        for pair in pairs:
            for tags in zip(*pair, strict=True):
                gold, guess = ((tag[0], tag[2:]) for tag in tags)
                yield gold, guess, False
            yield ("O", ""), ("O", ""), True

    @staticmethod
    def _starts(last: tuple[str, str], now: tuple[str, str]) -> bool:
        return last[0] + now[0] in STARTS or (now[0] != "O" and last[1] != now[1])

    @staticmethod
    def _ends(last: tuple[str, str], now: tuple[str, str]) -> bool:
        return last[0] + now[0] in ENDS or (last[0] != "O" and last[1] != now[1])


def percent(part: int, whole: int) -> float:
    return 100 * part / whole if whole else 0.0


def harmonic(precision: float, recall: float) -> float:
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


POOLS = [
    ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"],
    ["O", "I-A", "I-a-b", "I-a-c"],
    ["O", "B-A", "I-A", "E-A", "S-A", "B-B", "I-B", "E-B", "S-B"],
    ["O", "B", "I", "E", "S"],
    ["O", "B", "I", "S", "I-creative-work", "E-creative-work", "S-creative-work", "B-creative", "E-creative"],
]


@st.composite
def sentences(draw: st.DrawFn) -> list[Pair]:
    """Tags that are mostly illegal in every scheme, and predictions that are often right."""
    pool = st.sampled_from(draw(st.sampled_from(POOLS)))
    pairs = []
    for gold in draw(st.lists(st.lists(pool, max_size=8), max_size=4)):
        changes = draw(st.lists(st.none() | pool, min_size=len(gold), max_size=len(gold)))
        pairs.append((gold, [change or tag for tag, change in zip(gold, changes, strict=True)]))
    return pairs


@settings(max_examples=300, deadline=None)
@given(sentences())
def test_spans_are_counted_as_conlleval_counts_them(pairs: list[Pair]) -> None:
    rule, scores = Conlleval(pairs), score(pairs, spans=True)
    assert (scores.overall.gold, scores.overall.predicted, scores.overall.correct) == (
        rule.gold.total(),
        rule.guessed.total(),
        rule.right.total(),
    )
    labels = {label for counts in (rule.gold, rule.guessed) for label, count in counts.items() if count}
    assert scores.labels.keys() == labels
    for label, count in scores.labels.items():
        assert (count.gold, count.predicted, count.correct) == (
            rule.gold[label],
            rule.guessed[label],
            rule.right[label],
        )


@settings(max_examples=60, deadline=None)
@given(sentences())
def test_percentages_are_those_of_conlleval(pairs: list[Pair]) -> None:
    rule, scores = Conlleval(pairs), score(pairs, spans=True)
    precision = percent(rule.right.total(), rule.guessed.total())
    recall = percent(rule.right.total(), rule.gold.total())
    assert scores.overall.precision == pytest.approx(precision, abs=1e-9)
    assert scores.overall.recall == pytest.approx(recall, abs=1e-9)
    assert scores.f1 == scores.score == pytest.approx(harmonic(precision, recall), abs=1e-9)
    assert scores.accuracy == pytest.approx(percent(rule.right_tokens, rule.tokens), abs=1e-9)
    assert (scores.tokens, scores.correct_tokens, scores.sentences) == (rule.tokens, rule.right_tokens, len(pairs))
    for label, count in scores.labels.items():
        right, gold, guessed = rule.right[label], rule.gold[label], rule.guessed[label]
        assert count.f1 == pytest.approx(harmonic(percent(right, guessed), percent(right, gold)), abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(sentences())
def test_every_token_is_in_the_confusion_table_once(pairs: list[Pair]) -> None:
    def label(tag: str) -> str:
        return tag if tag == "O" else tag[2:]

    expected = Counter((label(a), label(b)) for gold, guess in pairs for a, b in zip(gold, guess, strict=True))
    assert score(pairs, spans=True).confusion == expected


def test_figures_worked_out_by_hand() -> None:
    gold = ["B-PER", "I-PER", "O", "B-LOC", "O", "B-ORG", "I-ORG", "I-ORG"]
    guess = ["B-PER", "I-PER", "O", "B-ORG", "O", "B-ORG", "I-ORG", "O"]
    scores = score([(gold, guess)], spans=True)
    assert scores.overall == Count(gold=3, predicted=3, correct=1)
    assert scores.f1 == pytest.approx(100 / 3)
    assert scores.accuracy == 75.0
    assert scores.labels == {"PER": Count(1, 1, 1), "LOC": Count(1, 0, 0), "ORG": Count(1, 2, 0)}
    assert scores.labels["PER"].f1 == 100.0


def test_a_sentence_boundary_ends_every_span() -> None:
    joined, apart = ["I-A", "I-A"], [(["I-A"], ["I-A"]), (["I-A"], ["I-A"])]
    assert score([(joined, joined)], spans=True).overall == Count(1, 1, 1)
    assert score(apart, spans=True).overall == Count(2, 2, 2)


def test_the_same_spans_in_two_schemes_are_all_right_though_the_tags_differ() -> None:
    scores = score([(["S-A", "B-B", "I-B", "E-B"], ["B-A", "B-B", "I-B", "I-B"])], spans=True)
    assert scores.overall == Count(2, 2, 2)
    assert scores.accuracy == 50.0


def test_nothing_to_score_gives_zeros() -> None:
    scores = score([], spans=True)
    assert (scores.f1, scores.accuracy, scores.overall.precision, scores.overall.recall) == (0.0, 0.0, 0.0, 0.0)


def test_plain_tags_are_scored_by_accuracy() -> None:
    scores = score([(["DT", "NN"], ["DT", "VB"]), (["NN"], ["NN"])], spans=False)
    assert scores.score == scores.accuracy == pytest.approx(200 / 3)
    assert scores.labels == {"DT": Count(1, 1, 1), "NN": Count(2, 1, 1), "VB": Count(0, 1, 0)}
    assert scores.confusion == {("DT", "DT"): 1, ("NN", "VB"): 1, ("NN", "NN"): 1}


def test_a_generator_of_pairs_will_do() -> None:
    assert score(((["S-A"], ["S-A"]) for _ in range(3)), spans=True).overall == Count(3, 3, 3)


def test_pairs_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="2 gold tags against 1 predicted"):
        score([(["O", "O"], ["O"])], spans=True)


def test_a_tag_that_is_no_span_tag_is_refused_where_spans_are_counted() -> None:
    with pytest.raises(ValueError, match="'NN' is not a span tag"):
        score([(["O"], ["NN"])], spans=True)


def test_all_figures_of_a_task_with_spans_as_json() -> None:
    scores = score([(["B-A", "O", "B-B"], ["B-A", "B-B", "O"])], spans=True)
    assert msgspec.json.decode(msgspec.json.encode(scores.as_dict())) == {
        "task": "spans",
        **{"precision": 50.0, "recall": 50.0, "f1": 50.0, "gold": 2, "predicted": 2, "correct": 1},
        "accuracy": pytest.approx(100 / 3),
        "tokens": 3,
        "correct_tokens": 1,
        "sentences": 1,
        "labels": {
            "A": {"precision": 100.0, "recall": 100.0, "f1": 100.0, "gold": 1, "predicted": 1, "correct": 1},
            "B": {"precision": 0.0, "recall": 0.0, "f1": 0.0, "gold": 1, "predicted": 1, "correct": 0},
        },
        "confusion": {"A": {"A": 1}, "B": {"O": 1}, "O": {"B": 1}},
    }


def test_figures_of_a_task_without_spans_have_no_span_figures() -> None:
    figures = score([(["NN"], ["NN"])], spans=False).as_dict()
    assert figures["task"] == "tokens"
    assert figures["accuracy"] == 100.0
    assert "f1" not in figures


def test_labels_stand_in_alphabetical_order() -> None:
    scores = Scores(spans=True, labels={"b": Count(), "a": Count()})
    assert list(scores.as_dict()["labels"]) == ["a", "b"]
