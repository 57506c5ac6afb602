"""Steps of training, with tagsmith's own recurrence or, in the same loop, with PyTorch's ``nn.LSTM``.

Both have the same batches, initial weights and dropout masks. So their losses can be compared step by step.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from tagsmith import Sentence
from tagsmith.batching import Steps
from tagsmith.bench.runner import BenchTask
from tagsmith.config import configure
from tagsmith.embeddings import load_vectors
from tagsmith.model import network
from tagsmith.store import Model, shapes
from tagsmith.training.one_network import NetworkTrainer
from tagsmith.training.training_set import training_set, word_vectors


class TorchLSTM(nn.Module):
    """Two of PyTorch's ``nn.LSTM``, one for each direction, with the weights of one of our layers."""

    def __init__(self, input_weight: Tensor, state_weight: Tensor, bias: Tensor, *, kind: str) -> None:
        super().__init__()
        _, inputs, gates = input_weight.shape
        self.directions = nn.ModuleList(nn.LSTM(inputs, gates // 4) for _ in range(2))
        for direction, lstm in enumerate(self.directions):
            ours = {"weight_ih": input_weight, "weight_hh": state_weight, "bias_ih": bias}
            for name, weight in ours.items():
                i, f, o, g = weight.detach()[direction].T.chunk(4)
                getattr(lstm, f"{name}_l0").data = torch.cat([i, f, g, o]).contiguous()
            # nn.LSTM has a second, redundant bias. It stays 0, so that both networks learn the same.
            lstm.get_parameter("bias_hh_l0").requires_grad_(False).zero_()

    def forward(self, inputs: Tensor, steps: Steps) -> Tensor:
        """Return the states after each word, in the order of the batch. Shape: [N, D] -> [N, 2H]."""
        both = []
        for lstm, order in zip(self.directions, torch.from_numpy(steps.order), strict=True):
            both.append(self.read(lstm, inputs[order], steps.counts)[order.argsort()])
        return torch.cat(both, 1)

    def read(self, lstm: nn.Module, inputs: Tensor, counts: list[int]) -> Tensor:
        """Return the states after each word, words in order of time. Shape: [N, D] -> [N, H]."""
        raise NotImplementedError


class Packed(TorchLSTM):
    """The layer on packed sequences."""

    def read(self, lstm: nn.Module, inputs: Tensor, counts: list[int]) -> Tensor:
        """Read the words as a packed sequence, which has them in order of time too."""
        states, _ = lstm(PackedSequence(inputs, torch.tensor(counts)))
        return states.data


class Padded(TorchLSTM):
    """The layer on sequences padded at their ends, in the order of each direction. So no word follows padding."""

    def read(self, lstm: nn.Module, inputs: Tensor, counts: list[int]) -> Tensor:
        """Put every word at its step and sentence, and take its state from the same place."""
        places = torch.cat([step * counts[0] + torch.arange(count) for step, count in enumerate(counts)])
        padded = inputs.new_zeros(len(counts) * counts[0], inputs.shape[1]).index_copy(0, places, inputs)
        states, _ = lstm(padded.view(len(counts), counts[0], -1))
        return states.flatten(0, 1)[places]


def prepare(task: BenchTask) -> Callable[[], Callable[[], list[float]]]:
    """Read the data and draw the weights. Each run takes the first ``steps`` steps of a fresh network."""
    torch.set_num_threads(1)
    options = task.options
    if options["recurrence"] != "tagsmith":
        network.RecurrentLayer = {"packed": Packed, "padded": Padded}[options["recurrence"]]  # type: ignore[misc]
    vectors = load_vectors(options["vectors"]) if options["vectors"] else None
    config = configure("ner", {**options["settings"], "words.dim": vectors.dim if vectors else 100})
    data = training_set([Sentence(*pair) for pair in task.sentences("train")], config, vectors)
    rng = np.random.default_rng(config.training.seed)
    weights: dict[str, Any] = network.initial_weights(config, shapes(config, data.alphabets, len(data.tags)), rng)
    weights["words.vectors"] = word_vectors(data.alphabets, vectors, config.words.dim or 0, rng)
    start = Model(config, data.alphabets, data.tags, weights, {})
    batches = itertools.islice(data.batches(config.training, 1), options["steps"])
    task.notes |= {"torch": torch.__version__, "tokens": sum(len(batch.words) for batch, _ in batches)}

    def fresh() -> Callable[[], list[float]]:
        trainer = NetworkTrainer(start, data, "cpu")
        return lambda: [reports[0].mean_loss for reports in itertools.islice(trainer.epoch(1), options["steps"])]

    return fresh
