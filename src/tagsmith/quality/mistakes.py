"""Error analysis: gold and predicted spans are matched one to one, and the matches are counted by kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from tagsmith.metrics import Count, Scores
from tagsmith.quality.vocabulary_classes import VOCABULARY_CLASSES, Classify
from tagsmith.schemes import read_spans, sentence_spans
from tagsmith.text import Sentence, Span

MatchKind = Literal["right", "type", "boundary", "both", "missed", "invented"]
KINDS: dict[MatchKind, str] = {
    "right": "same boundaries and label as in gold",
    "type": "same boundaries as in gold, other label",
    "boundary": "same label as in gold, other boundaries",
    "both": "overlaps a gold span, with other boundaries and another label",
    "missed": "a gold span without a matching prediction",
    "invented": "a predicted span without a matching gold span",
}
LEVELS = (0.0, 0.5, 0.7, 0.9, 0.95, 0.99, 0.999)
"""The lower bounds of the confidence levels."""


class PredictedSentence(NamedTuple):
    """A sentence with gold tags, and the tags predicted for it."""

    gold: Sentence
    tags: Sequence[str]
    probabilities: Sequence[float] | None = None
    """One for each predicted span, or for each plain tag; None if unknown."""


class SpanMatch(NamedTuple):
    """A gold span and the prediction that is matched with it; None if there is none."""

    kind: MatchKind
    gold: Span | None
    predicted: Span | None

    @property
    def span(self) -> Span:
        """The gold span, or the predicted one if there is no gold span."""
        span = self.gold or self.predicted
        assert span is not None
        return span

    @property
    def labels(self) -> tuple[str | None, str | None]:
        """The gold and the predicted label; None if there is no such span."""
        return self.gold and self.gold.label, self.predicted and self.predicted.label


class SentenceMatches(NamedTuple):
    """A sentence and the matches of all its spans. If tags are plain, each token is a span labelled with its tag."""

    sentence: Sentence
    matches: list[SpanMatch]
    probabilities: Mapping[Span, float]
    """Of the predicted spans; empty if unknown."""

    def confidence(self, match: SpanMatch) -> float | None:
        """Return the probability of the predicted span; None if there is no such span, or if it is unknown."""
        return self.probabilities.get(match.predicted) if match.predicted else None

    def text(self, span: Span) -> str:
        """Return the tokens of a span, joined by spaces."""
        return " ".join(self.sentence.tokens[span.start : span.end])


class WrongString(NamedTuple):
    """A string with one kind of error, how often it has this error, and how often it is right."""

    text: str
    kind: MatchKind
    gold: str | None
    predicted: str | None
    times: int
    right: int


@dataclass(frozen=True)
class ErrorAnalysis:
    """The matches of all spans in a file."""

    scores: Scores
    sentences: list[SentenceMatches]
    classify: Classify | None = None
    """Gives the vocabulary class of an entity; None if unknown."""

    @property
    def kinds(self) -> list[MatchKind]:
        """The possible kinds of matches; plain tags are right or have another type."""
        return list(KINDS) if self.scores.spans else ["right", "type"]

    def matches(self) -> Iterator[tuple[SentenceMatches, SpanMatch]]:
        """Iterate over all matches, with their sentences, in the order of the file."""
        return ((sentence, match) for sentence in self.sentences for match in sentence.matches)

    def by_kind(self) -> Counter[MatchKind]:
        """Count the matches by kind."""
        return Counter(match.kind for _, match in self.matches())

    def by_label(self) -> dict[str, Counter[MatchKind]]:
        """Count the matches of each label by kind. The label is that of the gold span, or of an invented span."""
        counts: dict[str, Counter[MatchKind]] = {}
        for _, match in self.matches():
            counts.setdefault(match.span.label, Counter())[match.kind] += 1
        return dict(sorted(counts.items()))

    def confusion(self) -> Counter[tuple[str | None, str | None]]:
        """Count the matches by gold and predicted label, regardless of boundaries."""
        return Counter(match.labels for _, match in self.matches())

    def wrong_strings(self) -> list[WrongString]:
        """Return the strings with errors by descending frequency: gold strings, and invented ones."""
        wrong = Counter[tuple[str, MatchKind, str | None, str | None]]()
        right = Counter[str]()
        for sentence, match in self.matches():
            text = sentence.text(match.span)
            if match.kind == "right":
                right[text] += 1
            else:
                wrong[text, match.kind, *match.labels] += 1
        rows = (WrongString(*string, times, right[string[0]]) for string, times in wrong.items())
        return sorted(rows, key=lambda row: (-row.times, row))

    def by_vocabulary(self) -> dict[str, Count] | None:
        """Count gold, predicted and correct spans by vocabulary class; None if the classes are unknown."""
        if self.classify is None:
            return None
        counts = {name: Count() for name in VOCABULARY_CLASSES}
        for sentence, match in self.matches():
            for span, role in ((match.gold, "gold"), (match.predicted, "predicted")):
                if span is not None:
                    count = counts[self.classify(sentence.sentence.tokens[span.start : span.end])]
                    setattr(count, role, getattr(count, role) + 1)
                    count.correct += role == "gold" and match.kind == "right"
        return counts

    def by_confidence(self) -> dict[float, Counter[MatchKind]]:
        """Count the predicted spans of each confidence level by kind; empty if no probability is known.

        The level of a span is the highest of ``LEVELS`` that its probability reaches.
        """
        counts: dict[float, Counter[MatchKind]] = {}
        for sentence, match in self.matches():
            if (confidence := sentence.confidence(match)) is not None:
                level = max(level for level in LEVELS if level <= confidence)
                counts.setdefault(level, Counter())[match.kind] += 1
        return dict(sorted(counts.items()))

    def most_confident_errors(self) -> list[tuple[SentenceMatches, SpanMatch]]:
        """Return the wrong predictions by descending probability: likely wrong gold labels, or blind spots."""
        wrong = [(sentence, match) for sentence, match in self.matches() if match.kind != "right"]
        known = [(confidence, pair) for pair in wrong if (confidence := pair[0].confidence(pair[1])) is not None]
        return [pair for _, pair in sorted(known, key=lambda scored: -scored[0])]

    def as_dict(self) -> dict[str, Any]:
        """Return the counts, ready for JSON."""
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


def analyse(predicted: Iterable[PredictedSentence], scores: Scores, classify: Classify | None = None) -> ErrorAnalysis:
    """Analyse the errors in predictions that have these scores.

    Raises:
        DataError: a gold tag is not a span tag, although the scores are of spans.
    """
    sentences = []
    for sentence, tags, probabilities in predicted:
        if scores.spans:
            spans = read_spans(tags)
            matches = match_spans(sentence_spans(sentence), spans)
        else:
            spans = [Span(i, i + 1, tag) for i, tag in enumerate(tags)]
            matches = match_tags(sentence.tags or (), tags)
        by_span = dict(zip(spans, probabilities or (), strict=bool(probabilities)))
        sentences.append(SentenceMatches(sentence, matches, by_span))
    return ErrorAnalysis(scores, sentences, classify)


def match_tags(gold: Sequence[str], predicted: Sequence[str]) -> list[SpanMatch]:
    """Match the plain tags of a sentence, token by token. Each token is a span labelled with its tag."""
    return [
        SpanMatch("right" if a == b else "type", Span(i, i + 1, a), Span(i, i + 1, b))
        for i, (a, b) in enumerate(zip(gold, predicted, strict=True))
    ]


def match_spans(gold: Iterable[Span], predicted: Iterable[Span]) -> list[SpanMatch]:
    """Match the gold and the predicted spans of a sentence one to one, and return the matches by position.

    Overlapping spans are paired in this order: equal boundaries and label, equal boundaries, equal label, all others.
    Within each group the longer overlap comes first, then the earlier one. The spans that are left over are missed or
    invented. So the gold spans are those that are right, type, boundary, both or missed, and the predicted spans are
    those that are right, type, boundary, both or invented.
    """
    gold, predicted = list(gold), list(predicted)
    pairs = sorted(
        (g[:2] != p[:2], g.label != p.label, max(g.start, p.start) - min(g.end, p.end), g, p)
        for g in gold
        for p in predicted
        if g.start < p.end and p.start < g.end
    )
    kinds: dict[tuple[bool, bool], MatchKind]
    kinds = {(False, False): "right", (False, True): "type", (True, False): "boundary", (True, True): "both"}
    matches, matched_gold, matched_predicted = [], set[Span](), set[Span]()
    for other_boundaries, other_label, _, g, p in pairs:
        if g not in matched_gold and p not in matched_predicted:
            matches.append(SpanMatch(kinds[other_boundaries, other_label], g, p))
            matched_gold.add(g)
            matched_predicted.add(p)
    matches += [SpanMatch("missed", g, None) for g in gold if g not in matched_gold]
    matches += [SpanMatch("invented", None, p) for p in predicted if p not in matched_predicted]
    return sorted(matches, key=lambda match: match.span)
