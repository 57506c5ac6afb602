"""A training for each of several seeds, all at the same time on one GPU."""

from __future__ import annotations

from collections.abc import Sequence

from tagsmith.config import Config
from tagsmith.embeddings import WordVectors
from tagsmith.errors import ConfigError
from tagsmith.text import Sentence
from tagsmith.training.loop import run_epochs
from tagsmith.training.run import Observer, TrainingResult
from tagsmith.training.setup import make_trainer, prepare, recording_obstacle
from tagsmith.training.trainer import results


def train_together(
    sentences: Sequence[Sentence],
    dev: Sequence[Sentence] | None,
    config: Config,
    vectors: WordVectors | None,
    seeds: Sequence[int],
    device: str = "cuda",
    observers: Sequence[Sequence[Observer]] = (),
) -> list[TrainingResult]:
    """Train once for each seed, side by side, and return the results that ``loop.train`` gives on this device.

    There are no checkpoints. A training that has ended waits for the others. The seconds are those of all trainings
    together. ``side_by_side`` in the record of a training has the seeds.

    Args:
        observers: those of each seed; none if empty.

    Raises:
        DataError, ConfigError: as ``loop.train``; and settings that can't be trained side by side.
    """
    if why := recording_obstacle(config):
        raise ConfigError(f"several seeds at once: {why}")
    setup = prepare(sentences, dev, config, vectors, device, seeds=seeds)
    trainer = make_trainer(setup)
    for run, watching in zip(trainer.runs, observers, strict=bool(observers)):
        run.observers = watching
    run_epochs(trainer, setup)
    return results(trainer)
