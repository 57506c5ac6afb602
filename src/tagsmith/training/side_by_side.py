"""Trains networks side by side on one device: they differ in their seed alone, and each step is a step of all.

What a network learns does not depend on the others: its random numbers come from its own seed, its sentences from its
own order. On a GPU a step of several costs little more than a step of one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import final

import numpy as np
import torch
from torch import Tensor

from tagsmith.batching import Batch
from tagsmith.engine.decoding import allowed_by
from tagsmith.gpu.decoder import best_paths
from tagsmith.gpu.device_corpus import DeviceCorpus, to_device
from tagsmith.gpu.recorded_sgd import RecordedSGD
from tagsmith.model.network import Weights
from tagsmith.store import Model
from tagsmith.tensors import Ids, check_same_shapes
from tagsmith.training.averaging import Average, NamedTensors, copy_into
from tagsmith.training.run import StepReport, TrainingRun
from tagsmith.training.schedules import learning_rate
from tagsmith.training.training_set import TrainingSet, random

_REPORT_STEPS = 100  # steps between reports: for each, the host waits for the device


@final
class SideBySideTrainer:
    """The trainer of several networks. All are at the same epoch and step."""

    def __init__(self, starts: Sequence[Model], data: TrainingSet, device: str) -> None:
        """
        Args:
            starts: models that differ in their weights and their ``training.seed`` alone.
        """
        self.starts, self.data, self.device = starts, data, torch.device(device)
        self.settings = starts[0].config.training
        self._corpus = self._lay_out(data.batch)
        tags = torch.from_numpy(np.concatenate(data.tag_ids)).to(device)
        self._sgd = RecordedSGD(starts, self._corpus, tags, torch.from_numpy(data.unknown_rates).to(device))
        frozen = np.array(starts[0].weights["words.vectors"][data.alphabets.trained :])
        self._frozen = torch.from_numpy(frozen).to(device)
        self._allowed = allowed_by(starts[0].config, data.tags)
        self._dev: tuple[Sequence[Sequence[str]], DeviceCorpus] | None = None
        self.runs = [self._run(network, start) for network, start in enumerate(starts)]

    def _run(self, network: int, start: Model) -> TrainingRun:
        weights, velocities = self._sgd.state_of(network)
        return TrainingRun(start, weights, _Velocities(velocities), Average(0.0, weights), len(self.data.sentences))

    def epoch(self, number: int, done: int = 0) -> Iterator[list[StepReport]]:
        """Take the steps of an epoch, without its first ``done`` ones. Yield a report of each run now and then."""
        sgd, size = self._sgd, self._corpus.size
        sgd.rate.fill_(learning_rate(self.settings, number))
        sgd.losses.zero_()
        chosen = np.stack([self._chosen(start.config.training.seed, number) for start in self.starts], 1)  # [steps, S]
        on_device = torch.from_numpy(chosen).to(self.device)
        reported = done
        for step in range(done, len(chosen)):
            sgd.step(on_device[step], self._corpus.batch_shape(chosen[step, :, 1:]))
            if step + 1 == len(chosen) or step + 1 - reported == _REPORT_STEPS:
                losses = sgd.losses.tolist()
                sgd.losses.zero_()
                read = chosen[reported : step + 1, :, 1:]
                sentences = (read != self._corpus.padding).sum((0, 2)).tolist()
                tokens = size[read].sum((0, 2)).tolist()
                sums = zip(losses, sentences, tokens, strict=True)
                yield [StepReport(loss, count, words, len(read)) for loss, count, words in sums]
                reported = step + 1

    def _chosen(self, seed: int, epoch: int) -> Ids:
        """A seed for each step, and the numbers of its sentences. Shape: [steps, 1 + B]."""
        batch, order = self.settings.batch_size, random(seed, epoch).permutation(self._corpus.padding)
        filled = np.full(-(-len(order) // batch) * batch, self._corpus.padding)
        filled[: len(order)] = order
        steps = filled.reshape(-1, batch)
        seeds = random(seed, epoch, 0).integers(2**62, size=(len(steps), 1))
        return np.concatenate([seeds, steps], 1)

    def predict(self, sentences: Sequence[Sequence[str]]) -> list[list[list[str]]]:
        """Return the tags that each network, with its present weights, gives these sentences. None may be empty."""
        if self._dev is None or self._dev[0] is not sentences:
            self._dev = sentences, self._lay_out(self.data.alphabets.batch(sentences))
        corpus, weights = self._dev[1], self._sgd.weights()
        table = weights["words.vectors"]
        whole = torch.cat([table, self._frozen.expand(len(table), -1, -1)], 1)
        paths = best_paths({**weights, "words.vectors": whole}, self.starts[0].config, corpus, self._allowed)
        tags, cuts = np.array(self.data.tags, object), np.cumsum(corpus.size[: corpus.padding])[:-1]
        return [[part.tolist() for part in np.split(tags[path], cuts)] for path in paths]

    def weights_of(self, network: int) -> Weights:
        """Return a copy of a network's present weights, under the model file's names."""
        weights = {name: weight.cpu().numpy().copy() for name, weight in self.runs[network].weights.items()}
        weights["words.vectors"] = np.concatenate([weights["words.vectors"], self._frozen.cpu().numpy()])
        return weights

    def _lay_out(self, batch: Batch) -> DeviceCorpus:
        return to_device(batch, self.starts[0].config.chars, len(self.data.alphabets.chars), self.device)


class _Velocities:
    """The state of a network's SGD, for its checkpoint."""

    def __init__(self, velocities: NamedTensors) -> None:
        self._velocities = {f"velocity.{name}": velocity for name, velocity in velocities.items()}

    def state(self) -> dict[str, Tensor]:
        return {name: velocity.clone() for name, velocity in self._velocities.items()}

    def load_state(self, state: NamedTensors) -> None:
        check_same_shapes("optimizer's numbers", state, self._velocities)
        copy_into(self._velocities, state)
