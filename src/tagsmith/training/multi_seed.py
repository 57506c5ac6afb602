"""A training for each of several seeds, all at the same time on one GPU."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence

from tagsmith.config import Config
from tagsmith.embeddings import WordVectors
from tagsmith.engine import check_device
from tagsmith.errors import ConfigError
from tagsmith.text import Sentence
from tagsmith.training.observer import Observer
from tagsmith.training.setup import TrainingResult, begin, ended, finish, obstacle, put_together


def train_together(
    sentences: Sequence[Sentence],
    dev: Sequence[Sentence] | None,
    config: Config,
    vectors: WordVectors | None,
    seeds: Sequence[int],
    device: str = "cuda",
    observers: Sequence[Sequence[Observer]] = (),
) -> list[TrainingResult]:
    """A run for each seed, as ``loop.train`` would give it on this device; there are no checkpoints.

    A training that has ended waits for the others. Seconds are those of all of them; ``side_by_side`` in what is known
    of a run has the seeds.

    Args:
        observers: who watches each seed; nobody, if there are none.

    Raises:
        DataError, ConfigError: as ``loop.train``; and settings that can't be trained side by side.
    """
    check_device(device)
    if why := obstacle(config):
        raise ConfigError(f"several seeds at once: {why}")
    beginning = begin(sentences, dev, config, vectors, device, side_by_side=seeds)
    together = put_together([beginning.with_seed(seed) for seed in seeds], beginning.data, device)
    watching = observers or [()] * len(seeds)
    stopped: dict[int, str] = {}
    try:
        for learner in together.learners:
            for observer in watching[learner.network]:
                observer.started(beginning.announcement(learner.model.config, resumed=None))
        for number in range(1, config.training.epochs + 1):
            going = [learner for learner in together.learners if learner.network not in stopped]
            began = time.perf_counter()
            for losses, tokens, steps in together.epoch(number):
                for learner in going:
                    seconds = time.perf_counter() - began
                    loss = learner.advance(losses[learner.network], tokens[learner.network], steps, seconds)
                    for observer in watching[learner.network]:
                        observer.stepped(number, loss, tokens[learner.network])
            answers = None if dev is None else together.answers(dev)
            for learner in going:
                scores = None if answers is None else learner.scores(answers[learner.network], beginning.gold)
                learner.finish_epoch(scores)
                for observer in watching[learner.network]:
                    observer.finished_epoch(learner.progress.epochs[-1])
                if reason := ended(learner.progress, beginning.config.training):
                    stopped[learner.network] = reason
            if len(stopped) == len(seeds):
                break
    finally:
        for observer in itertools.chain(*watching):
            observer.finished()
    return [finish(learner, stopped[learner.network]) for learner in together.learners]
