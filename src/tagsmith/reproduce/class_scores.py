"""Scores by vocabulary class: whether the words of an entity occur in the training data and have a vector."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence

from tagsmith.metrics import Count
from tagsmith.quality.vocabulary_classes import VOCABULARY_CLASSES, Classify, vocabulary_class
from tagsmith.schemes import read_spans


def by_words(train: Container[str], vectors: Container[str]) -> Classify:
    """Return the function that gives the vocabulary class of some words. Case is ignored, as in the paper's counts.

    Args:
        train: the words of the training data, in lower case.
        vectors: the words that have a vector, in lower case.
    """

    def classify(words: Iterable[str]) -> str:
        lowered = (word.lower() for word in words)
        return vocabulary_class((word in train, word in vectors) for word in lowered)

    return classify


def score_by_class(
    sentences: Iterable[tuple[Sequence[str], Sequence[str], Sequence[str]]], classify: Classify, *, spans: bool
) -> dict[str, Count]:
    """Count the gold, predicted and correct spans of each class; tokens instead of spans if ``spans`` is false.

    Args:
        sentences: the tokens, gold tags and predicted tags of each.
    """
    counts = {name: Count() for name in VOCABULARY_CLASSES}
    for tokens, gold_tags, predicted_tags in sentences:
        gold, predicted = (set(_labelled_ranges(tags, spans)) for tags in (gold_tags, predicted_tags))
        for item in gold | predicted:
            start, end, _ = item
            count = counts[classify(tokens[start:end])]
            count.gold += item in gold
            count.predicted += item in predicted
            count.correct += item in gold & predicted
    return counts


def _labelled_ranges(tags: Sequence[str], spans: bool) -> list[tuple[int, int, str]]:
    if spans:
        return [(span.start, span.end, span.label) for span in read_spans(tags)]
    return [(i, i + 1, tag) for i, tag in enumerate(tags)]
