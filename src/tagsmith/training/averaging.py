"""A moving average of the weights, and weights that take other values for a while."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor

from tagsmith.tensors import check_same_shapes

NamedTensors = Mapping[str, Tensor]


class Average:
    """An exponential moving average of the weights, used for predictions in their place.

    A ``decay`` of 0 means no average. Early on the average follows the weights faster: after t steps its decay is at
    most (1 + t) / (10 + t).
    """

    def __init__(self, decay: float, weights: NamedTensors) -> None:
        self.decay = decay
        self.weights = weights
        self.steps = 0
        self.means = {name: weight.detach().clone() for name, weight in weights.items()} if decay else {}

    def update(self) -> None:
        """Add the weights after a step."""
        if self.means:
            self.steps += 1
            decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
            now = [weight.detach() for weight in self.weights.values()]
            for mean, value in zip(self.means.values(), now, strict=True):
                mean.lerp_(value, 1 - decay)

    def state(self) -> dict[str, Tensor]:
        """Return the means by name, and ``steps``; nothing if there is no average."""
        return {**self.means, "steps": torch.tensor([self.steps])} if self.means else {}

    def load_state(self, state: NamedTensors) -> None:
        """Restore what ``state`` returned. An empty state starts the average at the present weights.

        Raises:
            ConfigError: the average of other weights.
        """
        if not self.means:
            return
        if not state:
            copy_into(self.means, {name: weight.detach() for name, weight in self.weights.items()})
            return
        check_same_shapes("averages", state, {**self.means, "steps": torch.empty(1)})
        self.steps = int(state["steps"])
        copy_into(self.means, {name: state[name] for name in self.means})


@contextmanager
def replaced(weights: NamedTensors, values: NamedTensors) -> Iterator[None]:
    """Give the named weights other values inside the block, and their own values back after it."""
    before = {name: weights[name].detach().clone() for name in values}
    copy_into(weights, values)
    try:
        yield
    finally:
        copy_into(weights, before)


@torch.no_grad()
def copy_into(weights: NamedTensors, values: NamedTensors) -> None:
    """Overwrite the named weights with these values, in place."""
    for name, value in values.items():
        weights[name].copy_(value)
