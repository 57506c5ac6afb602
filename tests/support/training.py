"""A training that takes a moment: five sentences, a tiny network, and an observer that keeps all it receives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tagsmith.config import configure
from tagsmith.embeddings import WordVectors
from tagsmith.text import Sentence
from tagsmith.training import loop
from tagsmith.training.history import Epoch
from tagsmith.training.run import Observer, TrainingResult

SIZES = {"words.dim": 5, "chars.dim": 4, "chars.filters": 4, "encoder.size": 6, "training.batch_size": 2}
NO_NOISE = {"chars.dropout": 0, "encoder.dropout_in": 0, "encoder.dropout_out": 0, "words.unknown_rate": 0}
QUICK = {**NO_NOISE, "training.learning_rate": 0.1}
SENTENCES = [
    Sentence(["Ann", "saw", "New", "York"], ["B-PER", "O", "B-LOC", "I-LOC"]),
    Sentence(["Bob", "slept"], ["B-PER", "O"]),
    Sentence(["It", "rains", "in", "Bonn", "."], ["O", "O", "O", "B-LOC", "O"]),
    Sentence(["Carl"], ["B-PER"]),
    Sentence(["Ann", "and", "Bob", "slept", "in", "Bonn"], ["B-PER", "O", "B-PER", "O", "O", "B-LOC"]),
]


class Watcher:
    """An observer that keeps all it receives."""

    def __init__(self) -> None:
        self.facts: dict[str, Any] = {}
        self.steps: list[tuple[int, float, int]] = []
        self.epochs: list[Epoch] = []
        self.ends = 0

    def started(self, facts: dict[str, Any]) -> None:
        self.facts = facts

    def stepped(self, epoch: int, loss: float, tokens: int) -> None:
        self.steps.append((epoch, loss, tokens))

    def finished_epoch(self, epoch: Epoch) -> None:
        self.epochs.append(epoch)

    def finished(self) -> None:
        self.ends += 1


def train(
    settings: Mapping[str, Any],
    dev: Sequence[Sentence] | None = None,
    observers: Sequence[Observer] = (),
    vectors: WordVectors | None = None,
    device: str = "cpu",
) -> TrainingResult:
    """Train on the five sentences."""
    return loop.train(SENTENCES, dev, configure(settings={**SIZES, **settings}), vectors, observers, device)


def same_weights(a: TrainingResult, b: TrainingResult) -> bool:
    """Return whether two trainings gave the same weights, to the bit."""
    assert a.model.weights.keys() == b.model.weights.keys()
    return all(a.model.weights[name].tobytes() == b.model.weights[name].tobytes() for name in a.model.weights)
