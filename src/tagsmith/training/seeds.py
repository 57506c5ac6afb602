"""A training for each of several seeds, all at the same time on one GPU."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from tagsmith.config import Config
from tagsmith.embeddings import Vectors
from tagsmith.engine import check_device
from tagsmith.errors import ConfigError
from tagsmith.text import Sentence
from tagsmith.training.checkpoint import Epoch
from tagsmith.training.start import Run, begin, ended, finish, obstacle
from tagsmith.training.together import Together


def train_together(
    sentences: Sequence[Sentence],
    dev: Sequence[Sentence] | None,
    config: Config,
    vectors: Vectors | None,
    seeds: Sequence[int],
    device: str = "cuda",
    finished_epoch: Callable[[int, Epoch], None] = lambda seed, epoch: None,
) -> list[Run]:
    """A run for each seed, as ``loop.train`` would give it on this device; there are no checkpoints.

    A training that has ended waits for the others.

    Args:
        finished_epoch: told of each epoch of each seed.

    Raises:
        DataError, ConfigError: as ``loop.train``; and settings that can't be trained side by side.
    """
    check_device(device)
    if why := obstacle(config):
        raise ConfigError(f"several seeds at once: {why}")
    beginning = begin(sentences, dev, config, vectors, device)
    together = Together([beginning.with_seed(seed) for seed in seeds], beginning.data, device)
    stopped: dict[int, str] = {}
    for number in range(1, config.training.epochs + 1):
        going = [learner for learner in together.learners if learner.network not in stopped]
        began = time.perf_counter()
        for losses, tokens, steps in together.epoch(number):
            for learner in going:
                seconds = time.perf_counter() - began
                learner.advance(losses[learner.network], tokens[learner.network], steps, seconds)
        answers = None if dev is None else together.answers(dev)
        for learner in going:
            scores = None if answers is None else learner.scores(answers[learner.network], beginning.gold)
            learner.finish_epoch(scores)
            finished_epoch(seeds[learner.network], learner.progress.epochs[-1])
            if reason := ended(learner.progress, beginning.config.training):
                stopped[learner.network] = reason
        if len(stopped) == len(seeds):
            break
    return [finish(learner, stopped[learner.network]) for learner in together.learners]
