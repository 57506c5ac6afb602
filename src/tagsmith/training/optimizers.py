"""How a step changes the weights: optimisers and schedules by name, clipping, and a moving average of the weights."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor

from tagsmith.config import Training

Named = Mapping[str, Tensor]
_ADAMS = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "nadam": torch.optim.NAdam,
    "radam": torch.optim.RAdam,
}


def learning_rate(settings: Training, epoch: int) -> float:
    """The rate of an epoch, counted from 1: by the schedule alone, whatever ran before."""
    done = (epoch - 1) / settings.epochs
    match settings.schedule:
        case "inverse":
            factor = 1 / (1 + settings.decay * (epoch - 1))
        case "linear":
            factor = 1 - done
        case "cosine":
            factor = (1 + math.cos(math.pi * done)) / 2
        case "constant":
            factor = 1.0
    return settings.learning_rate * factor


class Optimizer:
    """One of PyTorch's optimisers behind a bound on the gradient's norm, its state as arrays by name.

    ``sgd``: v <- momentum * v + g, weights <- weights - rate * v. The Adams keep PyTorch's defaults.
    """

    def __init__(self, settings: Training, weights: Named) -> None:
        self.weights = weights
        self.clip = settings.clip
        if settings.optimizer == "sgd":
            self.inner: torch.optim.Optimizer = torch.optim.SGD(
                weights.values(), settings.learning_rate, settings.momentum
            )
        else:
            self.inner = _ADAMS[settings.optimizer](weights.values(), settings.learning_rate)

    def zero_grad(self) -> None:
        """Forget the last step's gradient."""
        self.inner.zero_grad()

    def step(self, rate: float) -> None:
        """Change the weights by their gradients, clipped."""
        torch.nn.utils.clip_grad_norm_(self.weights.values(), self.clip)
        for group in self.inner.param_groups:
            group["lr"] = rate
        self.inner.step()

    def state(self) -> dict[str, Tensor]:
        """All it remembers between steps, such as ``encoder.bias/momentum_buffer``."""
        return {
            f"{name}/{key}": value
            for name, weight in self.weights.items()
            for key, value in self.inner.state[weight].items()
            if isinstance(value, Tensor)
        }

    def load_state(self, state: Named) -> None:
        """Remember what ``state`` gave."""
        for path, value in state.items():
            name, _, key = path.rpartition("/")
            weight = self.weights[name]
            # A count of steps stays a single number; whatever else there is has the weight's own shape.
            shape = weight.shape if value.numel() == weight.numel() and key not in ("step", "mu_product") else ()
            self.inner.state[weight][key] = value.reshape(shape).clone()


class Average:
    """An exponential moving average of the weights, which answers instead of them; ``decay`` 0 is no average.

    Early on it follows the weights faster: after t steps its decay is at most (1 + t) / (10 + t).
    """

    def __init__(self, decay: float, weights: Named) -> None:
        self.decay = decay
        self.weights = weights
        self.steps = 0
        self.means = {name: weight.detach().clone() for name, weight in weights.items()} if decay else {}

    def update(self) -> None:
        """Take in the weights after a step."""
        if self.means:
            self.steps += 1
            decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
            now = [weight.detach() for weight in self.weights.values()]
            for mean, value in zip(self.means.values(), now, strict=True):
                mean.lerp_(value, 1 - decay)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """The average stands in the network for a while."""
        before = {name: self.weights[name].detach().clone() for name in self.means}
        copy_into(self.weights, self.means)
        try:
            yield
        finally:
            copy_into(self.weights, before)

    def state(self) -> dict[str, Tensor]:
        """The means by name, and ``steps``."""
        return {**self.means, "steps": torch.tensor([self.steps])} if self.means else {}

    def load_state(self, state: Named) -> None:
        """Go on from what ``state`` gave."""
        if state:
            self.steps = int(state["steps"])
            for name, mean in self.means.items():
                mean.copy_(state[name])


@torch.no_grad()
def copy_into(weights: Named, values: Named) -> None:
    """Give weights other values, by name."""
    for name, value in values.items():
        weights[name].copy_(value)
