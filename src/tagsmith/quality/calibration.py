"""Calibration: the temperature at which a model's probabilities match how often its predictions are correct.

A prediction is a span of a best sequence, or the tag of a token if tags are plain. Dividing all scores of the chain by
a temperature changes its probability, but not whether it is correct. The fitted temperature maximises the likelihood
of the outcomes.

Source: Guo et al. 2017, §4.2, applied to spans of a chain instead of single classes.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import numpy as np

from tagsmith.batching import cut
from tagsmith.config import with_temperature
from tagsmith.engine import Engine
from tagsmith.engine.decoding import ChainKernels, Decoder
from tagsmith.errors import DataError
from tagsmith.ops.chain.types import Chain
from tagsmith.quality.reliability import Reliability, measure_reliability, nll
from tagsmith.schemes import read_spans, sentence_spans
from tagsmith.store import Calibration, Model
from tagsmith.tensors import Bools, Floats, Ids
from tagsmith.text import Sentence

FOLDS = 5
LOWEST, HIGHEST = 0.25, 8.0
"""The range of temperatures."""
_BATCH = 4_096  # words
_GOLDEN = (math.sqrt(5) - 1) / 2


@dataclass(frozen=True)
class CalibrationReport:
    """Reliability of a model's probabilities on some sentences, before and after calibration."""

    temperature: float
    before: Reliability
    """At temperature 1."""
    after: Reliability
    """At the model's temperature; cross-fitted if that was fitted on the same sentences."""
    cross_fitted: bool
    of_spans: bool
    """Whether predictions are spans; otherwise they are the tags of tokens."""

    def as_dict(self) -> dict[str, Any]:
        """Return all figures, ready for JSON."""
        return {
            "of": "spans" if self.of_spans else "tokens",
            "temperature": self.temperature,
            "before": self.before.as_dict(),
            "after": self.after.as_dict(),
            "cross_fitted": self.cross_fitted,
        }


def panels(report: CalibrationReport) -> list[tuple[str, Reliability]]:
    """Return the reliability before and after calibration, each with its title."""
    fitted = "fitted on the other folds" if report.cross_fitted else f"{report.temperature:.4g}"
    return [("temperature 1", report.before), (f"temperature {fitted}", report.after)]


def measure_calibration(model: Model, engine: Engine, sentences: Sequence[Sentence]) -> CalibrationReport:
    """Measure the calibration of a model on sentences with gold tags.

    Raises:
        DataError: as for ``collect_confidences``.
    """
    confidences, temperature = collect_confidences(model, engine, sentences), model.config.decode.temperature
    seen = model.calibration is not None and model.calibration.sentences_sha256 == digest(sentences)
    after = cross_fitted_probabilities(confidences) if seen else confidences.probabilities(temperature)
    return CalibrationReport(
        temperature=temperature,
        before=measure_reliability(confidences.probabilities(1.0), confidences.correct),
        after=measure_reliability(after, confidences.correct),
        cross_fitted=seen,
        of_spans=not model.is_plain,
    )


def calibrate(model: Model, engine: Engine, dev: Sequence[Sentence]) -> Model:
    """Return the model with the temperature fitted on dev, and with its reliability there.

    Raises:
        DataError: as for ``collect_confidences``.
    """
    confidences = collect_confidences(model, engine, dev)
    before = measure_reliability(confidences.probabilities(1.0), confidences.correct)
    after = measure_reliability(cross_fitted_probabilities(confidences), confidences.correct)
    temperature = fit_temperature(confidences, np.ones(len(confidences.correct), bool))
    calibration = Calibration(
        sentences_sha256=digest(dev),
        sentences=len(dev),
        answers=before.count,
        ece_before=before.ece,
        ece_after=after.ece,
        brier_before=before.brier,
        brier_after=after.brier,
    )
    return replace(model, config=with_temperature(model.config, temperature), calibration=calibration)


@dataclass(frozen=True)
class Confidences:
    """A model's S predictions on sentences with gold tags, and whether each is correct."""

    model: Model
    kernels: ChainKernels
    batches: list[tuple[Chain, Ids, Ids]]
    """Chains, best paths and lengths."""
    correct: Bools
    """Shape: [S]."""
    sentence: Ids
    """The index of each prediction's sentence. Shape: [S]."""

    def probabilities(self, temperature: float) -> Floats:
        """Return the probability of each prediction at a temperature. Shape: [S]."""
        config = with_temperature(self.model.config, temperature)
        decoder = Decoder(config, self.model.tags, self.kernels)
        posteriors = [decoder.posteriors(*batch) for batch in self.batches]
        return np.concatenate([each.tokens if config.is_plain else each.spans for each in posteriors])


def collect_confidences(model: Model, engine: Engine, sentences: Sequence[Sentence]) -> Confidences:
    """Predict sentences, keeping their chains in memory, and compare the predictions with the gold tags.

    Raises:
        DataError: there are no predictions, all are correct, all are wrong, or a gold tag is not a span tag.
    """
    sentences = [sentence for sentence in sentences if len(sentence)]
    batches, correct, indices = [], [], []
    for chosen in cut([len(sentence) for sentence in sentences], _BATCH):
        batch = engine.read([sentences[i].tokens for i in chosen])
        scores = engine.chain(batch)
        path = engine.decoder.viterbi(scores, batch.lengths)
        batches.append((Chain(*scores), path, batch.lengths))
        tags, end = [model.tags[k] for k in path.tolist()], 0
        for i in chosen:
            start, end = end, end + len(sentences[i])
            outcomes = _outcomes(sentences[i], tags[start:end], model.is_plain)
            correct += outcomes
            indices += [i] * len(outcomes)
    if all(correct) or not any(correct):
        only = f"only {'right' if any(correct) else 'wrong'} predictions ({len(correct):,})"
        found = only if correct else "no predictions"
        raise DataError(found, "both right and wrong ones, to measure confidence", source=sentences[0].source)
    return Confidences(model, engine.decoder.kernels, batches, np.array(correct), np.array(indices, np.int64))


def _outcomes(sentence: Sentence, tags: list[str], is_plain: bool) -> list[bool]:
    """Return whether each predicted span or plain tag is correct."""
    if sentence.tags is None:
        found = "a sentence without tags"
        raise DataError(found, "gold tags, to measure confidence", source=sentence.source, line=sentence.line_of())
    if is_plain:
        return [tag == gold for tag, gold in zip(tags, sentence.tags, strict=True)]
    gold_spans = set(sentence_spans(sentence))
    return [span in gold_spans for span in read_spans(tags)]


def fit_temperature(confidences: Confidences, chosen: Bools) -> float:
    """Return the temperature that maximises the likelihood of the chosen outcomes. Shape: chosen [S]."""

    def loss(log_temperature: float) -> float:
        probabilities = confidences.probabilities(math.exp(log_temperature))
        return nll(probabilities[chosen], confidences.correct[chosen])

    return math.exp(golden_section_search(loss, math.log(LOWEST), math.log(HIGHEST), 0.002))


def golden_section_search(function: Callable[[float], float], low: float, high: float, tolerance: float) -> float:
    """Return the minimum of a unimodal function between low and high.

    Source: Kiefer 1953.
    """
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = function(left), function(right)
    while high - low > tolerance:
        if at_left < at_right:
            high, right, at_right = right, left, at_left
            left = high - _GOLDEN * (high - low)
            at_left = function(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + _GOLDEN * (high - low)
            at_right = function(right)
    return (low + high) / 2


def cross_fitted_probabilities(confidences: Confidences) -> Floats:
    """Return the probability of each prediction at the temperature fitted on the other folds. Shape: [S].

    Sentence i is in fold i mod ``FOLDS``.
    """
    fold = confidences.sentence % FOLDS
    probabilities = np.empty(len(fold))
    for k in np.unique(fold):
        temperature = fit_temperature(confidences, fold != k)
        probabilities[fold == k] = confidences.probabilities(temperature)[fold == k]
    return probabilities


def digest(sentences: Sequence[Sentence]) -> str:
    """Return the SHA-256 of the tokens and tags of sentences, regardless of where they came from."""
    rows = [(sentence.tokens, sentence.tags) for sentence in sentences if len(sentence)]
    return hashlib.sha256(msgspec.json.encode(rows)).hexdigest()
