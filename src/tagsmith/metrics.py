"""Precision, recall and F1 of spans exactly as in conlleval, token accuracy, and a confusion table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tagsmith.schemes import OUTSIDE, read_spans, split_tag


@dataclass
class Count:
    """The numbers of gold spans, predicted spans, and correct spans."""

    gold: int = 0
    predicted: int = 0
    correct: int = 0

    @property
    def precision(self) -> float:
        """Percentage of predicted spans that are correct, 0 to 100."""
        return 100.0 * self.correct / self.predicted if self.predicted else 0.0

    @property
    def recall(self) -> float:
        """Percentage of gold spans that were found, 0 to 100."""
        return 100.0 * self.correct / self.gold if self.gold else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, 0 to 100."""
        both = self.precision + self.recall
        return 2.0 * self.precision * self.recall / both if both else 0.0

    def as_dict(self) -> dict[str, float | int]:
        """Return the six numbers by name."""
        return {
            "precision": self.precision,
            "recall": self.recall,
            "f1": self.f1,
            "gold": self.gold,
            "predicted": self.predicted,
            "correct": self.correct,
        }


@dataclass
class Scores:
    """The scores of a prediction. For plain tags, only the token figures are meaningful."""

    spans: bool
    sentences: int = 0
    tokens: int = 0
    correct_tokens: int = 0
    overall: Count = field(default_factory=Count)
    labels: dict[str, Count] = field(default_factory=dict)
    """Span counts by label, or token counts by tag where there are no spans."""
    confusion: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Tokens by (gold label, predicted label), O for outside."""

    @property
    def accuracy(self) -> float:
        """Percentage of tokens with exactly the gold tag, 0 to 100."""
        return 100.0 * self.correct_tokens / self.tokens if self.tokens else 0.0

    @property
    def f1(self) -> float:
        """F1 of all spans, 0 to 100."""
        return self.overall.f1

    @property
    def score(self) -> float:
        """The score to choose a model by: span F1, or accuracy for plain tags."""
        return self.f1 if self.spans else self.accuracy

    def as_dict(self) -> dict[str, Any]:
        """Return all figures for JSON. Percentages run from 0 to 100."""
        confusion: dict[str, dict[str, int]] = {}
        for (gold, predicted), count in sorted(self.confusion.items()):
            confusion.setdefault(gold, {})[predicted] = count
        return {
            "task": "spans" if self.spans else "tokens",
            **(self.overall.as_dict() if self.spans else {}),
            "accuracy": self.accuracy,
            "tokens": self.tokens,
            "correct_tokens": self.correct_tokens,
            "sentences": self.sentences,
            "labels": {label: count.as_dict() for label, count in sorted(self.labels.items())},
            "confusion": confusion,
        }


def score(pairs: Iterable[tuple[Sequence[str], Sequence[str]]], *, spans: bool) -> Scores:
    """Return the scores of pairs (gold tags, predicted tags), one per sentence.

    Source: conlleval's rule (Tjong Kim Sang and Buchholz 2000). A span is correct if its first token, its
    last token and its label are. A sentence boundary ends every span.

    Raises:
        ValueError: a pair of different lengths, or, with ``spans``, a plain tag.
    """
    result = Scores(spans=spans)
    for gold, predicted in pairs:
        if len(gold) != len(predicted):
            raise ValueError(f"{len(gold)} gold tags against {len(predicted)} predicted ones")
        result.sentences += 1
        result.tokens += len(gold)
        result.correct_tokens += sum(a == b for a, b in zip(gold, predicted, strict=True))
        if spans:
            wanted, found = read_spans(gold), read_spans(predicted)
            _count(result, [span.label for span in wanted], "gold")
            _count(result, [span.label for span in found], "predicted")
            _count(result, [span.label for span in set(wanted) & set(found)], "correct")
            result.confusion.update(zip(map(_label, gold), map(_label, predicted), strict=True))
        else:
            _count(result, gold, "gold")
            _count(result, predicted, "predicted")
            _count(result, [a for a, b in zip(gold, predicted, strict=True) if a == b], "correct")
            result.confusion.update(zip(gold, predicted, strict=True))
    return result


def _count(result: Scores, labels: Sequence[str], what: str) -> None:
    for label in labels:
        for count in (result.overall, result.labels.setdefault(label, Count())):
            setattr(count, what, getattr(count, what) + 1)


def _label(tag: str) -> str:
    letter, label = split_tag(tag)
    return OUTSIDE if letter == OUTSIDE else label
