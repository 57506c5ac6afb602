"""The learning rate of each epoch."""

from __future__ import annotations

import math

from tagsmith.config import TrainingConfig


def learning_rate(settings: TrainingConfig, epoch: int) -> float:
    """Return the learning rate of an epoch, counted from 1. It depends on the settings and the epoch alone."""
    done = (epoch - 1) / settings.epochs
    match settings.schedule:
        case "inverse":
            factor = 1 / (1 + settings.decay * (epoch - 1))
        case "linear":
            factor = 1 - done
        case "cosine":
            factor = (1 + math.cos(math.pi * done)) / 2
        case "constant":
            factor = 1.0
    return settings.learning_rate * factor
