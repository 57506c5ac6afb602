"""The history of a training: which epoch is the best, and when training stops."""

from __future__ import annotations

import pytest

from tagsmith.config import TrainingConfig
from tagsmith.metrics import Scores
from tagsmith.training.history import Progress, stop_reason


def after(*accuracies: int | None) -> Progress:
    """The progress after epochs with these dev scores, in percent."""
    progress = Progress()
    for accuracy in accuracies:
        progress.steps, progress.loss, progress.tokens, progress.seconds = 3, 8.0, 30, 2.0
        dev = None if accuracy is None else Scores(spans=False, tokens=100, correct_tokens=accuracy)
        progress.finish_epoch(4, 0.1, dev)
    return progress


def test_an_epoch_takes_its_means_from_the_sums_and_the_next_starts_at_0() -> None:
    progress = after(50)
    (epoch,) = progress.epochs
    assert (epoch.number, epoch.loss, epoch.tokens_per_second, epoch.learning_rate) == (1, 2.0, 15.0, 0.1)
    assert (progress.number, progress.steps, progress.loss, progress.tokens, progress.seconds) == (2, 0, 0.0, 0, 0.0)


@pytest.mark.parametrize(
    ("scores", "best"),
    [
        ([50, 40, 50, 60], [True, False, False, True]),
        ([0, 0, 10, 0], [True, True, True, False]),  # while the score is 0, a later epoch counts as better
        ([None, None], [True, True]),
    ],
)
def test_an_epoch_is_the_best_if_it_beats_all_before_it(scores: list[int | None], best: list[bool]) -> None:
    progress = after(*scores)
    assert [epoch.best for epoch in progress.epochs] == best
    assert progress.best is progress.epochs[max(i for i, is_best in enumerate(best) if is_best)]


@pytest.mark.parametrize(
    ("scores", "reason"),
    [
        ([], None),
        ([50, 40], None),
        ([50, 40, 40], "patience"),
        ([50, 40, 60, 40], None),
        ([10, 20, 30, 40, 50], "epochs"),
        ([10, 20, 30, 30, 30], "patience"),
        ([None] * 5, "epochs"),
        ([0, 0, 0, 0], None),
    ],
)
def test_training_stops_after_its_epochs_or_without_a_better_one(scores: list[int | None], reason: str | None) -> None:
    assert stop_reason(after(*scores), TrainingConfig(epochs=5, patience=2)) == reason
