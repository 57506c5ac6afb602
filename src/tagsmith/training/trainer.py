"""The interface that the training loop drives, for one network or several side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Protocol

from tagsmith.metrics import Scores
from tagsmith.model.network import Weights
from tagsmith.training.averaging import replaced
from tagsmith.training.run import StepReport, TrainingResult, TrainingRun
from tagsmith.training.training_set import DevSet


class Trainer(Protocol):
    """One network or several, which learn from the same sentences on one device."""

    @property
    def runs(self) -> Sequence[TrainingRun]:
        """The run of each network."""
        ...

    def epoch(self, number: int, done: int = 0) -> Iterator[Sequence[StepReport]]:
        """Take the steps of an epoch, without its first ``done`` ones. Yield a report of each run now and then."""
        ...

    def predict(self, sentences: Sequence[Sequence[str]]) -> Sequence[Sequence[Sequence[str]]]:
        """Return the tags that each network, with its present weights, gives these sentences. None may be empty."""
        ...

    def weights_of(self, network: int) -> Weights:
        """Return a copy of a network's present weights, under the model file's names."""
        ...


def dev_scores(trainer: Trainer, dev: DevSet | None) -> Sequence[Scores | None]:
    """Return the scores of each network's present weights; None without dev."""
    if dev is None:
        return [None] * len(trainer.runs)
    return [dev.score(predicted) for predicted in trainer.predict(dev.tokens)]


def results(trainer: Trainer) -> list[TrainingResult]:
    """Return the result of each run: the model of its best epoch."""
    found = []
    for network, run in enumerate(trainer.runs):
        with replaced(run.weights, run.best):
            found.append(run.result(trainer.weights_of(network)))
    return found


@contextmanager
def averaged(runs: Sequence[TrainingRun]) -> Iterator[None]:
    """Give every run the moving averages of its weights inside the block, if it keeps them."""
    with ExitStack() as stack:
        for run in runs:
            stack.enter_context(replaced(run.weights, run.average.means))
        yield
