"""A network on its way through a training: its steps, its evaluation, and all the state a checkpoint keeps."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Iterator, Sequence

import torch

from tagsmith.engine import make_engine
from tagsmith.errors import ConfigError, DataError
from tagsmith.metrics import Scores, score
from tagsmith.model.network import Network, Weights
from tagsmith.store import Model
from tagsmith.tagging import tag_sentences
from tagsmith.tensors import check_same_shapes
from tagsmith.text import Sentence
from tagsmith.training.checkpoint import Checkpoint, Epoch, Progress
from tagsmith.training.optimizers import Average, Named, copy_into, learning_rate, make_optimizer, standing_in
from tagsmith.training.training_set import TrainingSet, random


class Trainer:
    """A network on its way: the steps of an epoch, its evaluation, and all of its state."""

    def __init__(self, start: Model, data: TrainingSet, device: str) -> None:
        self.model, self.data = start, data
        self.settings, self.device = start.config.training, device
        self.network = _on_device(Network(start), device)
        self.weights = dict(self.network.named_parameters())
        self.optimizer = make_optimizer(self.settings, self.weights)
        self.average = Average(self.settings.average, self.weights)
        self.progress = Progress()
        self.best: dict[str, torch.Tensor] = {}

    def epoch(self) -> Iterator[tuple[float, int]]:
        """The rest of the epoch under way: after each step, the mean loss of its sentences, and its tokens."""
        self.network.train()
        progress, settings = self.progress, self.settings
        rate = learning_rate(settings, progress.number)
        began, before = time.perf_counter(), progress.seconds
        for batch, tags in self.data.batches(settings, progress.number, progress.steps):
            self._seed(progress.number, progress.steps + 1)
            self.optimizer.zero_grad()
            self.optimizer.catch_up(torch.from_numpy(batch.words).to(self.network.words.vectors.device))
            nll = self.network.nll(batch, tags)
            nll.backward()
            self.optimizer.step(rate)
            if settings.average:
                self.optimizer.flush()
                self.average.update()
            loss = nll.item()
            if not math.isfinite(loss):
                found = f"the loss became {loss} in epoch {progress.number}"
                raise ConfigError(f"{found}; lower training.learning_rate")
            progress.steps += 1
            progress.loss += loss * len(batch.lengths)
            progress.tokens += len(batch.words)
            progress.seconds = before + time.perf_counter() - began
            yield loss, len(batch.words)
        self.optimizer.flush()

    def _seed(self, *counters: int) -> None:
        """Begin PyTorch's random numbers anew. (``torch.manual_seed`` walks the call stack for each kind of device.)"""
        seed = int(random(self.settings.seed, *counters).integers(2**63))
        torch.default_generator.manual_seed(seed)
        if self.network.words.vectors.is_cuda:
            torch.cuda.manual_seed(seed)

    def evaluate(self, dev: Sequence[Sentence], gold: Sequence[Sequence[str]], weights: Named | None = None) -> Scores:
        """The scores of the network as it stands, or of its average; or of these weights in it."""
        sentences = [sentence.tokens for sentence in dev if len(sentence)]
        with standing_in(self.weights, self.average.means if weights is None else weights):
            now = dataclasses.replace(self.model, weights=self.network.weights())
        predicted = tag_sentences(sentences, make_engine(now, self.device), now.tags)
        return score(zip(gold, predicted, strict=True), spans=now.config.scheme != "plain")

    def finish_epoch(self, scores: Scores | None) -> None:
        """Close the epoch under way; its weights are kept if it is the best."""
        progress, best = self.progress, self.progress.best
        now, so_far = (0.0 if dev is None else dev.score for dev in (scores, best and best.dev))
        is_best = scores is None or best is None or now > so_far or not so_far
        epoch = Epoch(
            progress.number,
            progress.loss / len(self.data.sentences),
            learning_rate(self.settings, progress.number),
            progress.seconds,
            progress.tokens / progress.seconds,
            scores,
            is_best,
        )
        if is_best:
            with standing_in(self.weights, self.average.means):
                weights = {name: weight.detach().clone() for name, weight in self.weights.items()}
            self.best = weights
        progress.epochs.append(epoch)
        progress.begin_epoch()

    def rescore(self, dev: Sequence[Sentence] | None, gold: Sequence[Sequence[str]]) -> Epoch:
        """Score the best epoch on another dev file, and forget all scores on the one before. Gives the best epoch."""
        before = self.progress.best
        assert before is not None  # there is at least one epoch
        scores = None if dev is None else self.evaluate(dev, gold, self.best)
        best = dataclasses.replace(before, dev=scores)
        others = [dataclasses.replace(epoch, dev=None) for epoch in self.progress.epochs]
        self.progress.epochs = [*others[: best.number - 1], best, *others[best.number :]]
        return best

    def best_weights(self) -> Weights:
        """The weights of the best epoch under the model file's names."""
        copy_into(self.weights, self.best)
        return self.network.weights()

    def checkpoint(self) -> Checkpoint:
        """All that changes while training."""
        tensors = {"weights": self.weights, "best": self.best}
        return Checkpoint(
            self.progress, {**tensors, "optimizer": self.optimizer.state(), "average": self.average.state()}
        )

    def restore(self, kept: Checkpoint) -> None:
        """Go on from a checkpoint.

        Raises:
            ConfigError: its weights, or what its optimizer remembers, have other names or shapes.
            DataError: it is further in an epoch than an epoch is long.
        """
        steps = math.ceil(len(self.data.sentences) / self.settings.batch_size)
        if not 0 <= kept.progress.steps <= steps:
            raise DataError(f"{kept.progress.steps} steps of an epoch", f"0 to {steps}", source=kept.source)
        groups = {"weights": {}, "best": {}, "optimizer": {}, "average": {}, **kept.tensors}
        check_same_shapes("weights", groups["weights"], self.weights)
        check_same_shapes("best weights", groups["best"], self.weights if kept.progress.epochs else {})
        copy_into(self.weights, groups["weights"])
        self.best = dict(groups["best"])
        self.optimizer.load_state(groups["optimizer"])
        self.average.load_state(groups["average"])
        self.progress = kept.progress


def _on_device(network: Network, device: str) -> Network:
    try:
        return network.to(device)
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(f"device {device!r}: {str(error).splitlines()[0]}") from None
