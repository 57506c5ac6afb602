"""Reliability of probabilities: how they compare with the share of predictions that are correct."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from tagsmith.tensors import Bools, Floats

BINS = 15


@dataclass(frozen=True)
class Bin:
    """Predictions with similar probabilities."""

    low: float
    high: float
    predictions: int
    """How many there are."""
    confidence: float
    """The mean probability; NaN in an empty bin."""
    accuracy: float
    """The share of correct predictions; NaN in an empty bin."""

    def as_dict(self) -> dict[str, Any]:
        """Return all figures, ready for JSON."""
        return {
            "low": self.low,
            "high": self.high,
            "answers": self.predictions,
            "confidence": self.confidence,
            "accuracy": self.accuracy,
        }


@dataclass(frozen=True)
class Reliability:
    """Probabilities of predictions, compared with how often the predictions are correct."""

    bins: list[Bin]
    brier: float
    """The mean of (probability - outcome)², with an outcome of 1 if correct, else 0. Source: Brier 1950."""

    @property
    def count(self) -> int:
        """The number of predictions."""
        return sum(each.predictions for each in self.bins)

    @property
    def ece(self) -> float:
        """The expected calibration error: the mean over predictions of |confidence - accuracy| of their bin.

        Source: Guo et al. 2017, §2.
        """
        gaps = (each.predictions * abs(each.confidence - each.accuracy) for each in self.bins if each.predictions)
        return math.fsum(gaps) / max(self.count, 1)

    def as_dict(self) -> dict[str, Any]:
        """Return all figures, ready for JSON, without empty bins."""
        bins = [each.as_dict() for each in self.bins if each.predictions]
        return {"answers": self.count, "ece": self.ece, "brier": self.brier, "bins": bins}


def measure_reliability(probabilities: Floats, correct: Bools, bins: int = BINS) -> Reliability:
    """Measure reliability in bins of equal width; an edge belongs to the bin below it. Shape: [S], [S]."""
    edges = np.linspace(0.0, 1.0, bins + 1)
    places = np.clip(np.searchsorted(edges, probabilities) - 1, 0, bins - 1)
    counts = np.bincount(places, minlength=bins)
    with np.errstate(invalid="ignore"):  # 0 / 0 in an empty bin
        confidence = np.bincount(places, probabilities, bins) / counts
        accuracy = np.bincount(places, correct, bins) / counts
    rows = np.stack([edges[:-1], edges[1:], counts, confidence, accuracy], 1).tolist()
    brier = float(((probabilities - correct) ** 2).mean()) if len(correct) else 0.0
    return Reliability([Bin(low, high, int(count), *means) for low, high, count, *means in rows], brier)


def nll(probabilities: Floats, correct: Bools) -> float:
    """Return the mean negative log-likelihood of the outcomes, correct or not. Shape: [S], [S]."""
    likelihood = np.where(correct, probabilities, 1.0 - probabilities)
    return float(-np.log(np.maximum(likelihood, 1e-12)).mean())
