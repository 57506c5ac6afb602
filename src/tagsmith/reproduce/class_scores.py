"""Scores by what a model could know of a word: whether it is in the training data, and whether it has a vector."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence

from tagsmith.metrics import Count
from tagsmith.quality.vocabulary_classes import VOCABULARY_CLASSES, Classify, vocabulary_class
from tagsmith.schemes import read_spans


def by_words(train: Container[str], vectors: Container[str]) -> Classify:
    """What gives the class of the words of a span by sets of words in lower case: in the paper's counts case does not
    matter.

    Args:
        train, vectors: the words of the training data, and those that have a vector.
    """

    def classify(words: Iterable[str]) -> str:
        lowered = (word.lower() for word in words)
        return vocabulary_class((word in train, word in vectors) for word in lowered)

    return classify


def score_by_class(
    sentences: Iterable[tuple[Sequence[str], Sequence[str], Sequence[str]]], classify: Classify, *, spans: bool
) -> dict[str, Count]:
    """Spans (without ``spans``: tokens) by class: how many are in the gold tags, in the prediction, and in both.

    Args:
        sentences: tokens, gold tags and predicted tags of each.
    """
    counts = {name: Count() for name in VOCABULARY_CLASSES}
    for tokens, gold, predicted in sentences:
        wanted, found = (set(_places(tags, spans)) for tags in (gold, predicted))
        for start, end, label in wanted | found:
            count = counts[classify(tokens[start:end])]
            count.gold += (start, end, label) in wanted
            count.predicted += (start, end, label) in found
            count.correct += (start, end, label) in wanted & found
    return counts


def _places(tags: Sequence[str], spans: bool) -> list[tuple[int, int, str]]:
    if spans:
        return [(span.start, span.end, span.label) for span in read_spans(tags)]
    return [(place, place + 1, tag) for place, tag in enumerate(tags)]
