"""Steps of training, with tagsmith's own recurrence or, in the same loop, with PyTorch's ``nn.LSTM``.

Both learn from the same batches, weights and dropout masks, so their losses can be compared step by step.
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
from tagsmith.bench.serving import Task
from tagsmith.config import configure
from tagsmith.embeddings import load_vectors
from tagsmith.model import network
from tagsmith.store import Model, shapes
from tagsmith.training.data import training_set, word_vectors
from tagsmith.training.learner import Learner


class TorchLSTM(nn.Module):
    """PyTorch's own bidirectional LSTM with the weights of one of ours, on packed sequences: nothing is padded."""

    def __init__(self, input_weight: Tensor, state_weight: Tensor, bias: Tensor, *, kind: str) -> None:
        super().__init__()
        _, inputs, gates = input_weight.shape
        self.lstm = nn.LSTM(inputs, gates // 4, bidirectional=True)
        for direction, suffix in enumerate(("l0", "l0_reverse")):
            given = {
                "weight_ih": input_weight[direction].T,
                "weight_hh": state_weight[direction].T,
                "bias_ih": bias[direction],
            }
            for name, value in given.items():
                i, f, o, g = value.detach().chunk(4)
                getattr(self.lstm, f"{name}_{suffix}").data = torch.cat([i, f, g, o]).contiguous()
            # It has two biases where one would do; this one stays 0, so that both networks learn the same.
            getattr(self.lstm, f"bias_hh_{suffix}").data.zero_()
            getattr(self.lstm, f"bias_hh_{suffix}").requires_grad_(False)

    def forward(self, inputs: Tensor, steps: Steps) -> Tensor:
        """Shape: [N, D] -> [N, 2H], words in the order of the batch."""
        order = torch.from_numpy(steps.order[0])
        states, _ = self.lstm(PackedSequence(inputs[order], torch.tensor(steps.counts)))
        return states.data[order.argsort()]


def prepare(task: Task) -> Callable[[], Callable[[], list[float]]]:
    """Read the data and draw the weights; each run is ``steps`` steps of a network that has made none."""
    torch.set_num_threads(1)
    options = task.options
    if options["recurrence"] == "torch":
        network.Layer = TorchLSTM  # type: ignore[misc]
    vectors = load_vectors(options["vectors"]) if options["vectors"] else None
    config = configure("ner", {**options["settings"], "words.dim": vectors.dim if vectors else 100})
    data = training_set([Sentence(*pair) for pair in task.sentences("train")], config, vectors)
    rng = np.random.default_rng(config.training.seed)
    weights: dict[str, Any] = network.initial_weights(shapes(config, data.alphabets, len(data.tags)), rng)
    weights["words.vectors"] = word_vectors(data.alphabets, vectors, config.words.dim or 0, rng)
    start = Model(config, data.alphabets, data.tags, weights, {})
    batches = itertools.islice(data.batches(config.training, config.words.unknown_rate, 1), options["steps"])
    task.notes |= {"torch": torch.__version__, "tokens": sum(len(batch.words) for batch, _ in batches)}

    def fresh() -> Callable[[], list[float]]:
        learner = Learner(start, data, "cpu")
        return lambda: [loss for loss, _ in itertools.islice(learner.epoch(), options["steps"])]

    return fresh
