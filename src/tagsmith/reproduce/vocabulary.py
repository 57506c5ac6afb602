"""Scores by what a model could know of a word: whether it is in the training data, and whether it has a vector.

Source: Ma and Hovy 2016, §4.4, Tables 8 and 9.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence

from tagsmith.metrics import Count
from tagsmith.schemes import read_spans

CLASSES = {
    "IV": "in the training data and in the vectors",
    "OOTV": "not in the training data",
    "OOEV": "not in the vectors",
    "OOBV": "in neither",
}


def vocabulary_class(words: Iterable[str], train: Container[str], vectors: Container[str]) -> str:
    """The class of a word, or of a span of several: one of ``CLASSES``.

    A span is OOTV if a word of it is not in the training data, OOEV if one has no vector, OOBV if both (one word may
    be the one, another the other).

    Args:
        train, vectors: the words of the training data, and those that have a vector, in lower case. In the paper's
            counts case does not matter.
    """
    lowered = [word.lower() for word in words]
    known, embedded = (all(word in those for word in lowered) for those in (train, vectors))
    return {(True, True): "IV", (False, True): "OOTV", (True, False): "OOEV", (False, False): "OOBV"}[known, embedded]


def score_by_class(
    sentences: Iterable[tuple[Sequence[str], Sequence[str], Sequence[str]]],
    train: Container[str],
    vectors: Container[str],
    *,
    spans: bool,
) -> dict[str, Count]:
    """Spans (without ``spans``: tokens) by class: how many are in the gold tags, in the prediction, and in both.

    Args:
        sentences: tokens, gold tags and predicted tags of each.
        train, vectors: as for ``vocabulary_class``.
    """
    counts = {name: Count() for name in CLASSES}
    for tokens, gold, predicted in sentences:
        wanted, found = (set(_places(tags, spans)) for tags in (gold, predicted))
        for start, end, label in wanted | found:
            count = counts[vocabulary_class(tokens[start:end], train, vectors)]
            count.gold += (start, end, label) in wanted
            count.predicted += (start, end, label) in found
            count.correct += (start, end, label) in wanted & found
    return counts


def _places(tags: Sequence[str], spans: bool) -> list[tuple[int, int, str]]:
    if spans:
        return [(span.start, span.end, span.label) for span in read_spans(tags)]
    return [(place, place + 1, tag) for place, tag in enumerate(tags)]
