"""How far the probabilities of answers can be believed, and the temperature under which they can.

An answer is a span of a best sequence (of plain tags, a token's tag). It is right or wrong, and stays the same whatever
temperature all scores of the chain are divided by; its probability does not. The temperature sought is the one under
which the outcomes, right or wrong, are most probable.

Source: Guo et al. 2017, §4.2, of whole answers of a chain instead of single classes.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import msgspec
import numpy as np

from tagsmith.batching import cut
from tagsmith.config import with_temperature
from tagsmith.engine import Engine
from tagsmith.engine.decoding import ChainKernels, Decoder
from tagsmith.errors import DataError
from tagsmith.ops.chain.types import Chain
from tagsmith.schemes import SCHEMES, read_spans, sentence_spans
from tagsmith.store import Calibration, Model
from tagsmith.tensors import Bools, Floats, Ids
from tagsmith.text import Sentence

BINS = 15
FOLDS = 5
LOWEST, HIGHEST = 0.25, 8.0
"""The temperatures that are looked at."""
_BATCH = 4_096  # words
_GOLDEN = (math.sqrt(5) - 1) / 2


class Bin(NamedTuple):
    """Answers whose probabilities lie close together."""

    low: float
    high: float
    answers: int
    confidence: float
    """Mean of their probabilities; of an empty bin NaN."""
    accuracy: float
    """The share of them that is right; of an empty bin NaN."""


@dataclass(frozen=True)
class Reliability:
    """The probabilities of some answers held against how often they are right."""

    bins: list[Bin]
    brier: float
    """Mean of (probability - 1 if right, else 0) squared. Source: Brier 1950."""

    @property
    def count(self) -> int:
        """All answers."""
        return sum(each.answers for each in self.bins)

    @property
    def ece(self) -> float:
        """Expected calibration error: |confidence - accuracy| of a bin, on average over the answers.

        Source: Guo et al. 2017, §2.
        """
        gaps = (each.answers * abs(each.confidence - each.accuracy) for each in self.bins if each.answers)
        return math.fsum(gaps) / max(self.count, 1)

    def as_dict(self) -> dict[str, Any]:
        """All figures, ready for JSON; empty bins are left out."""
        bins = [each._asdict() for each in self.bins if each.answers]
        return {"answers": self.count, "ece": self.ece, "brier": self.brier, "bins": bins}


def reliability(probabilities: Floats, right: Bools, bins: int = BINS) -> Reliability:
    """Reliability over bins of equal width; a border belongs to the bin below it. Shape: [S], [S]."""
    edges = np.linspace(0.0, 1.0, bins + 1)
    places = np.clip(np.searchsorted(edges, probabilities) - 1, 0, bins - 1)
    counts = np.bincount(places, minlength=bins)
    with np.errstate(invalid="ignore"):  # 0 / 0 in an empty bin
        confidence = np.bincount(places, probabilities, bins) / counts
        accuracy = np.bincount(places, right, bins) / counts
    rows = np.stack([edges[:-1], edges[1:], counts, confidence, accuracy], 1).tolist()
    brier = float(((probabilities - right) ** 2).mean()) if len(right) else 0.0
    return Reliability([Bin(low, high, int(count), *means) for low, high, count, *means in rows], brier)


def nll(probabilities: Floats, right: Bools) -> float:
    """Mean of -log of what each answer's outcome, right or wrong, was given. Shape: [S], [S]."""
    given = np.where(right, probabilities, 1.0 - probabilities)
    return float(-np.log(np.maximum(given, 1e-12)).mean())


@dataclass(frozen=True)
class Confidences:
    """A model's answers on sentences with gold tags, S of them, and whether each is right."""

    model: Model
    kernels: ChainKernels
    batches: list[tuple[Chain, Ids, Ids]]
    """Chains, best paths and lengths."""
    right: Bools
    """Shape: [S]."""
    sentence: Ids
    """The number of the sentence that each is in. Shape: [S]."""

    def probabilities(self, temperature: float) -> Floats:
        """How probable each answer is at a temperature. Shape: [S]."""
        config = with_temperature(self.model.config, temperature)
        decoder = Decoder(config, self.model.tags, self.kernels)
        found = [decoder.posteriors(*batch) for batch in self.batches]
        return np.concatenate([each.spans if config.scheme in SCHEMES else each.tokens for each in found])


def collect(model: Model, engine: Engine, sentences: Sequence[Sentence]) -> Confidences:
    """The answers of a model, its chains kept in memory.

    Raises:
        DataError: no answers, or answers that are all right or all wrong; or a gold tag that is no span tag.
    """
    sentences = [sentence for sentence in sentences if len(sentence)]
    batches, right, places = [], [], []
    for chosen in cut([len(sentence) for sentence in sentences], _BATCH):
        batch = engine.read([sentences[i].tokens for i in chosen])
        chain = Chain(*engine.chain(batch))
        path = engine.decoder.viterbi(chain, batch.lengths)
        batches.append((chain, path, batch.lengths))
        tags, end = [model.tags[k] for k in path.tolist()], 0
        for i in chosen:
            start, end = end, end + len(sentences[i])
            outcomes = _outcomes(sentences[i], tags[start:end], model.config.scheme in SCHEMES)
            right += outcomes
            places += [i] * len(outcomes)
    if all(right) or not any(right):
        found = f"{len(right):,} answers, all of them {'right' if any(right) else 'wrong'}" if right else "no answers"
        raise DataError(found, "right ones and wrong ones, to measure confidence by", source=sentences[0].source)
    return Confidences(model, engine.decoder.kernels, batches, np.array(right), np.array(places, np.int64))


def _outcomes(sentence: Sentence, tags: list[str], of_spans: bool) -> list[bool]:
    """Whether each predicted span, or tag, is right."""
    if sentence.tags is None:
        found = "a sentence without tags"
        raise DataError(found, "gold tags to measure confidence by", source=sentence.source, line=sentence.line_of())
    if of_spans:
        gold = set(sentence_spans(sentence))
        return [span in gold for span in read_spans(tags)]
    return [tag == wanted for tag, wanted in zip(tags, sentence.tags, strict=True)]


def fit_temperature(answers: Confidences, chosen: Bools) -> float:
    """The temperature under which the outcomes of the chosen answers are most probable. Shape: [S]."""

    def loss(log_temperature: float) -> float:
        return nll(answers.probabilities(math.exp(log_temperature))[chosen], answers.right[chosen])

    return math.exp(lowest(loss, math.log(LOWEST), math.log(HIGHEST), 0.002))


def lowest(function: Callable[[float], float], low: float, high: float, tolerance: float) -> float:
    """Where a function with one valley between low and high is lowest, by golden sections.

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


def cross_fitted(answers: Confidences) -> Floats:
    """How probable each answer is at the temperature fitted on the sentences of the other folds. Shape: [S].

    Every fifth sentence is in one fold.
    """
    fold = answers.sentence % FOLDS
    found = np.empty(len(fold))
    for k in np.unique(fold):
        temperature = fit_temperature(answers, fold != k)
        found[fold == k] = answers.probabilities(temperature)[fold == k]
    return found


@dataclass(frozen=True)
class CalibrationReport:
    """What a model's probabilities are worth on some sentences."""

    temperature: float
    before: Reliability
    """At temperature 1."""
    after: Reliability
    """At the model's temperature; cross-fitted where that was fitted on these very sentences."""
    cross_fitted: bool
    of_spans: bool
    """Whether answers are spans, or the tags of tokens."""

    def as_dict(self) -> dict[str, Any]:
        """All figures, ready for JSON."""
        return {
            "of": "spans" if self.of_spans else "tokens",
            "temperature": self.temperature,
            "before": self.before.as_dict(),
            "after": self.after.as_dict(),
            "cross_fitted": self.cross_fitted,
        }


def panels(report: CalibrationReport) -> list[tuple[str, Reliability]]:
    """The two sides of a report, with their names."""
    fitted = "fitted on the other folds" if report.cross_fitted else f"{report.temperature:.4g}"
    return [("temperature 1", report.before), (f"temperature {fitted}", report.after)]


def measure(model: Model, engine: Engine, sentences: Sequence[Sentence]) -> CalibrationReport:
    """The calibration of a model on sentences with gold tags.

    Raises:
        DataError: as for ``collect``.
    """
    found, temperature = collect(model, engine, sentences), model.config.decode.temperature
    seen = model.calibration is not None and model.calibration.sentences_sha256 == digest(sentences)
    after = cross_fitted(found) if seen else found.probabilities(temperature)
    return CalibrationReport(
        temperature,
        reliability(found.probabilities(1.0), found.right),
        reliability(after, found.right),
        seen,
        model.config.scheme in SCHEMES,
    )


def calibrate(model: Model, engine: Engine, dev: Sequence[Sentence]) -> Model:
    """The model with the temperature that dev asks for, and what it does there.

    Raises:
        DataError: as for ``collect``.
    """
    found = collect(model, engine, dev)
    before, after = (reliability(p, found.right) for p in (found.probabilities(1.0), cross_fitted(found)))
    config = with_temperature(model.config, fit_temperature(found, np.ones(len(found.right), bool)))
    calibration = Calibration(
        sentences_sha256=digest(dev),
        sentences=len(dev),
        answers=before.count,
        ece_before=before.ece,
        ece_after=after.ece,
        brier_before=before.brier,
        brier_after=after.brier,
    )
    return replace(model, config=config, calibration=calibration)


def digest(sentences: Sequence[Sentence]) -> str:
    """SHA-256 of the tokens and tags of sentences, wherever they were read."""
    rows = [(sentence.tokens, sentence.tags) for sentence in sentences if len(sentence)]
    return hashlib.sha256(msgspec.json.encode(rows)).hexdigest()
