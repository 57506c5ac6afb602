"""The scores of predicted tags against tagged sentences."""

from __future__ import annotations

from collections.abc import Iterable

from tagsmith.errors import DataError
from tagsmith.metrics import Scores, score
from tagsmith.schemes import PLAIN, gold_tags
from tagsmith.text import Sentence, Tagged


def score_sentences(answered: Iterable[tuple[Sentence, Tagged]], scheme: str) -> Scores:
    """Return the scores of predictions for tagged sentences.

    Args:
        scheme: how the predicted tags write spans, or ``plain``.

    Raises:
        DataError: a sentence without tags, or with a tag that is not a span tag.
    """
    pairs = ((_gold(sentence, scheme), tagged.tags) for sentence, tagged in answered)
    return score(pairs, spans=scheme != PLAIN)


def _gold(sentence: Sentence, scheme: str) -> list[str]:
    if sentence.tags is None:
        found = "a sentence without tags"
        raise DataError(found, "gold tags to score against", source=sentence.source, line=sentence.line_of())
    return gold_tags(sentence, scheme)
