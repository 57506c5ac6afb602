"""Where a model errs: every gold and every predicted span, matched one to one, and what they have in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from tagsmith.metrics import Count, Scores
from tagsmith.quality.word_classes import CLASSES, Classify
from tagsmith.schemes import read_spans, sentence_spans
from tagsmith.text import Sentence, Span

Answered = tuple[Sentence, Sequence[str], Sequence[float] | None]
"""A sentence with gold tags, the tags predicted for it, and the probability of each predicted span, or plain tag."""
Kind = Literal["right", "type", "boundary", "both", "missed", "invented"]
KINDS: dict[Kind, str] = {
    "right": "boundaries and label as in gold",
    "type": "boundaries as in gold, another label",
    "boundary": "label as in gold, other boundaries",
    "both": "overlaps a gold span, with other boundaries and another label",
    "missed": "a gold span that no predicted one is left for",
    "invented": "a predicted span that no gold one is left for",
}
LEVELS = (0.0, 0.5, 0.7, 0.9, 0.95, 0.99, 0.999)
"""Probabilities that predictions are told apart by."""


class SpanMatch(NamedTuple):
    """A gold span and the predicted one that stands for it; None where there is none."""

    kind: Kind
    gold: Span | None
    predicted: Span | None

    @property
    def span(self) -> Span:
        """The gold span; of an invented one, the predicted."""
        span = self.gold or self.predicted
        assert span is not None
        return span

    @property
    def labels(self) -> tuple[str | None, str | None]:
        """The gold and the predicted label; None where there is no such span."""
        return self.gold and self.gold.label, self.predicted and self.predicted.label


class MistakeKind(NamedTuple):
    """A sentence, and all its gold and predicted spans; of plain tags, each token is a span labelled by its tag."""

    sentence: Sentence
    matches: list[SpanMatch]
    probabilities: Mapping[Span, float]
    """Of the predicted spans; empty where they are not known."""

    def confidence(self, match: SpanMatch) -> float | None:
        """How probable the predicted span is; None where there is none, or it is not known."""
        return self.probabilities.get(match.predicted) if match.predicted else None

    def text(self, span: Span) -> str:
        """The tokens of a span, joined by spaces."""
        return " ".join(self.sentence.tokens[span.start : span.end])


class WrongString(NamedTuple):
    """A string that was got wrong in one way, how often, and how often the same string was right."""

    text: str
    kind: Kind
    gold: str | None
    predicted: str | None
    times: int
    right: int


@dataclass(frozen=True)
class ErrorAnalysis:
    """All spans of a file, gold and predicted, by what became of them."""

    scores: Scores
    cases: list[MistakeKind]
    classify: Classify | None = None
    """What gives the vocabulary class of an entity; None where it is not known."""

    @property
    def kinds(self) -> list[Kind]:
        """The kinds of matches there can be; a plain tag is right, or another."""
        return list(KINDS) if self.scores.spans else ["right", "type"]

    def matches(self) -> Iterator[tuple[MistakeKind, SpanMatch]]:
        """All matches, in the order of the file."""
        return ((case, match) for case in self.cases for match in case.matches)

    def by_kind(self) -> Counter[Kind]:
        """How many matches there are of each kind."""
        return Counter(match.kind for _, match in self.matches())

    def by_label(self) -> dict[str, Counter[Kind]]:
        """The same for each gold label; invented spans count for their own."""
        found: dict[str, Counter[Kind]] = {}
        for _, match in self.matches():
            found.setdefault(match.span.label, Counter())[match.kind] += 1
        return dict(sorted(found.items()))

    def confusion(self) -> Counter[tuple[str | None, str | None]]:
        """Matches by (gold label, predicted label), whatever their boundaries."""
        return Counter(match.labels for _, match in self.matches())

    def wrong_strings(self) -> list[WrongString]:
        """What was got wrong, the most frequent first: gold strings, and invented ones."""
        wrong = Counter[tuple[str, Kind, str | None, str | None]]()
        right = Counter[str]()
        for case, match in self.matches():
            text = case.text(match.span)
            if match.kind == "right":
                right[text] += 1
            else:
                wrong[text, match.kind, *match.labels] += 1
        rows = (WrongString(*string, times, right[string[0]]) for string, times in wrong.items())
        return sorted(rows, key=lambda row: (-row.times, row))

    def by_vocabulary(self) -> dict[str, Count] | None:
        """Gold, predicted and correct spans by the vocabulary class of their words; None where it is not known."""
        if self.classify is None:
            return None
        found = {name: Count() for name in CLASSES}
        for case, match in self.matches():
            for span, what in ((match.gold, "gold"), (match.predicted, "predicted")):
                if span is not None:
                    count = found[self.classify(case.sentence.tokens[span.start : span.end])]
                    setattr(count, what, getattr(count, what) + 1)
                    count.correct += what == "gold" and match.kind == "right"
        return found

    def by_confidence(self) -> dict[float, Counter[Kind]]:
        """Predicted spans by the highest of ``LEVELS`` that their probability reaches; empty where none is known."""
        found: dict[float, Counter[Kind]] = {}
        for case, match in self.matches():
            if (confidence := case.confidence(match)) is not None:
                level = max(level for level in LEVELS if level <= confidence)
                found.setdefault(level, Counter())[match.kind] += 1
        return dict(sorted(found.items()))

    def surest_errors(self) -> list[tuple[MistakeKind, SpanMatch]]:
        """Wrong predictions of known probability, the highest first: likely wrong labels in gold, or blind spots."""
        wrong = [(case, match) for case, match in self.matches() if match.kind != "right"]
        known = [(confidence, pair) for pair in wrong if (confidence := pair[0].confidence(pair[1])) is not None]
        return [pair for _, pair in sorted(known, key=lambda found: -found[0])]

    def as_dict(self) -> dict[str, Any]:
        """The counts, ready for JSON."""
        kinds, vocabulary, confidence = self.by_kind(), self.by_vocabulary(), self.by_confidence()
        return {
            "kinds": {kind: kinds[kind] for kind in self.kinds},
            "labels": {label: {kind: count[kind] for kind in self.kinds} for label, count in self.by_label().items()},
            "vocabulary": vocabulary and {name: count.as_dict() for name, count in vocabulary.items()},
            "confidence": [
                {"from": level, **{kind: count[kind] for kind in self.kinds if kind != "missed"}}
                for level, count in confidence.items()
            ],
        }


def analyse(answered: Iterable[Answered], scores: Scores, classify: Classify | None = None) -> ErrorAnalysis:
    """The analysis of answers that have these scores.

    Raises:
        DataError: a gold tag that is no span tag, where the scores are of spans.
    """
    cases = []
    for sentence, tags, probabilities in answered:
        if scores.spans:
            predicted = read_spans(tags)
            matches = match(sentence_spans(sentence), predicted)
        else:
            predicted = [Span(i, i + 1, tag) for i, tag in enumerate(tags)]
            matches = match_tags(sentence.tags or (), tags)
        cases.append(
            MistakeKind(sentence, matches, dict(zip(predicted, probabilities or (), strict=bool(probabilities))))
        )
    return ErrorAnalysis(scores, cases, classify)


def match_tags(gold: Sequence[str], predicted: Sequence[str]) -> list[SpanMatch]:
    """Each token of a sentence as a span, labelled by its plain tag."""
    return [
        SpanMatch("right" if a == b else "type", Span(i, i + 1, a), Span(i, i + 1, b))
        for i, (a, b) in enumerate(zip(gold, predicted, strict=True))
    ]


def match(gold: Iterable[Span], predicted: Iterable[Span]) -> list[SpanMatch]:
    """Every gold and every predicted span of a sentence exactly once, in order of their places.

    Overlapping spans are paired off, each with one other at most: first those with equal boundaries and label, then
    with equal boundaries, then with an equal label, then the others; among these the one with the longer overlap
    first, then the earlier. What is left over is missed or invented. So the gold spans are those that are right, type,
    boundary, both and missed; the predicted ones those that are right, type, boundary, both and invented.
    """
    gold, predicted = list(gold), list(predicted)
    pairs = sorted(
        (g[:2] != p[:2], g.label != p.label, max(g.start, p.start) - min(g.end, p.end), g, p)
        for g in gold
        for p in predicted
        if g.start < p.end and p.start < g.end
    )
    kinds: dict[tuple[bool, bool], Kind]
    kinds = {(False, False): "right", (False, True): "type", (True, False): "boundary", (True, True): "both"}
    matches, matched_gold, matched_predicted = [], set[Span](), set[Span]()
    for other_boundaries, other_label, _, g, p in pairs:
        if g not in matched_gold and p not in matched_predicted:
            matches.append(SpanMatch(kinds[other_boundaries, other_label], g, p))
            matched_gold.add(g)
            matched_predicted.add(p)
    matches += [SpanMatch("missed", g, None) for g in gold if g not in matched_gold]
    matches += [SpanMatch("invented", None, p) for p in predicted if p not in matched_predicted]
    return sorted(matches, key=lambda found: found.span)
