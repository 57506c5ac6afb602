"""Trains one network in PyTorch, on a CPU or, where no steps can be recorded, on a GPU."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import final

import torch

from tagsmith.engine import make_engine
from tagsmith.model.network import Network, Weights
from tagsmith.store import Model
from tagsmith.tagging import tag_sentences
from tagsmith.training.averaging import Average
from tagsmith.training.optimizers import make_optimizer
from tagsmith.training.run import StepReport, TrainingRun
from tagsmith.training.schedules import learning_rate
from tagsmith.training.training_set import TrainingSet, random


@final
class NetworkTrainer:
    """The trainer of one network."""

    def __init__(self, start: Model, data: TrainingSet, device: str) -> None:
        self.start, self.data, self.device = start, data, device
        self.settings = start.config.training
        self.network = Network(start).to(device)
        weights = dict(self.network.named_parameters())
        self.optimizer = make_optimizer(self.settings, weights)
        self.average = Average(self.settings.average, weights)
        self.runs = [TrainingRun(start, weights, self.optimizer, self.average, len(data.sentences))]

    def epoch(self, number: int, done: int = 0) -> Iterator[list[StepReport]]:
        """Take the steps of an epoch, without its first ``done`` ones. Yield a report after each."""
        self.network.train()
        rate = learning_rate(self.settings, number)
        for step, (batch, tags) in enumerate(self.data.batches(self.settings, number, done), done + 1):
            self._seed(number, step)
            self.optimizer.zero_grad()
            self.optimizer.catch_up(torch.from_numpy(batch.words).to(self.network.words.vectors.device))
            nll = self.network.nll(batch, tags)
            nll.backward()
            self.optimizer.step(rate)
            if self.settings.average:
                self.optimizer.flush()
                self.average.update()
            sentences = len(batch.lengths)
            yield [StepReport(nll.item() * sentences, sentences, len(batch.words))]
        self.optimizer.flush()

    def _seed(self, epoch: int, step: int) -> None:
        """Seed PyTorch's generators for a step."""
        # Not torch.manual_seed, which walks the call stack for each kind of device.
        seed = int(random(self.settings.seed, epoch, step).integers(2**63))
        torch.default_generator.manual_seed(seed)
        if self.network.words.vectors.is_cuda:
            torch.cuda.manual_seed(seed)

    def predict(self, sentences: Sequence[Sequence[str]]) -> list[list[list[str]]]:
        """Return the tags that the network, with its present weights, gives these sentences. None may be empty."""
        now = dataclasses.replace(self.start, weights=self.network.weights())
        return [tag_sentences(sentences, make_engine(now, self.device), now.tags)]

    def weights_of(self, network: int) -> Weights:
        """Return a copy of the present weights, under the model file's names."""
        return self.network.weights()
