"""Score a trained model on every split, with and without constraints on the tag sequence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tagsmith.embeddings import WordVectors
from tagsmith.metrics import score
from tagsmith.reproduce.class_scores import by_words, score_by_class
from tagsmith.reproduce.records import Predictions
from tagsmith.reproduce.tables import TRAIN
from tagsmith.schemes import PLAIN, gold_tags
from tagsmith.tagger import Tagger
from tagsmith.text import Sentence
from tagsmith.vocab import ABSENT

SplitScores = dict[str, dict[str, dict[str, Any]]]
"""By split and by constraints, as in ``Record.scores``."""


def score_splits(
    model: Path, splits: Mapping[str, Sequence[Sentence]], vectors: WordVectors | None
) -> tuple[SplitScores, Predictions]:
    """Return the scores of every split, and the predictions for all splits but train."""
    train = {token.lower() for sentence in splits[TRAIN] for token in sentence.tokens}
    tokens = {token for sentences in splits.values() for sentence in sentences for token in sentence.tokens}
    embedded = {token.lower() for token in tokens if vectors and vectors.words.find(token) != ABSENT}
    classify = by_words(train, embedded)
    legal = Tagger.load(model, threads=1, precision="fp32")
    spans = not legal.model.is_plain
    taggers = {"scheme": legal}
    if spans:
        taggers["none"] = Tagger.load(model, constraints="none", threads=1, precision="fp32")
    scores: SplitScores = {}
    predictions: Predictions = {}
    for split, sentences in splits.items():
        gold = [gold_tags(sentence, "IOB2" if spans else PLAIN) for sentence in sentences]
        scores[split], predictions[split] = {}, {"gold": gold}
        for constraints, tagger in taggers.items():
            predicted = [list(tagged.tags) for tagged in tagger.tag(sentences)]
            figures = score(zip(gold, predicted, strict=True), spans=spans).as_dict()
            del figures["confusion"]
            rows = zip((sentence.tokens for sentence in sentences), gold, predicted, strict=True)
            classes = score_by_class(rows, classify, spans=spans)
            figures["vocabulary"] = {name: count.as_dict() for name, count in classes.items()}
            scores[split][constraints], predictions[split][constraints] = figures, predicted
    del predictions[TRAIN]
    return scores, predictions
