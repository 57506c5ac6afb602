"""How a step changes the weights: optimisers and schedules by name, clipping, and a moving average of the weights."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.nn.utils import get_total_norm

from tagsmith.config import TrainingConfig
from tagsmith.ops.sgd.on_torch import SGD
from tagsmith.tensors import check_same_shapes

Named = Mapping[str, Tensor]
_TABLE = "words.vectors"
_MOMENTS = ("exp_avg", "exp_avg_sq")
_COUNTS = ("step", "mu_product")  # one number each
_ADAMS = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "nadam": torch.optim.NAdam,
    "radam": torch.optim.RAdam,
}


def learning_rate(settings: TrainingConfig, epoch: int) -> float:
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


def make_optimizer(settings: TrainingConfig, weights: Named) -> SGD | TorchOptimizer:
    """The optimizer of the settings. The word vectors' gradient is sparse, and only the rows in a batch cost time."""
    if settings.optimizer == "sgd":
        dense = {name: weight for name, weight in weights.items() if name != _TABLE}
        return SGD(dense, weights[_TABLE], momentum=settings.momentum, clip=settings.clip)
    return TorchOptimizer(settings, weights)


class TorchOptimizer:
    """Adam or a relative of it, with PyTorch's defaults, behind a bound on the gradient's norm.

    Its word vectors are lazy: a row and its moments change only at the steps whose batch has the word, by plain Adam
    (``torch.optim.SparseAdam``) whatever the relative. That is not what the dense method would do.
    """

    def __init__(self, settings: TrainingConfig, weights: Named) -> None:
        self.weights = weights
        self.clip = settings.clip
        dense = [weight for name, weight in weights.items() if name != _TABLE]
        self.inner: list[torch.optim.Optimizer] = [
            _ADAMS[settings.optimizer](dense, settings.learning_rate),
            torch.optim.SparseAdam([weights[_TABLE]], settings.learning_rate),
        ]

    def catch_up(self, rows: Tensor) -> None:
        """Nothing: a lazy row stands still until its word comes."""

    def flush(self) -> None:
        """Nothing, likewise."""

    def zero_grad(self) -> None:
        """Forget the last step's gradient."""
        for inner in self.inner:
            inner.zero_grad()

    def step(self, rate: float) -> None:
        """Change the weights by their gradients, clipped."""
        table = self.weights[_TABLE]
        if table.grad is not None:
            table.grad = table.grad.coalesce()
        gradients = [weight.grad for weight in self.weights.values() if weight.grad is not None]
        values = [gradient.values() if gradient.is_sparse else gradient for gradient in gradients]
        scale = min(1.0, self.clip / (get_total_norm(values).item() + 1e-6))
        for value in values:
            value.mul_(scale)
        for inner in self.inner:
            for group in inner.param_groups:
                group["lr"] = rate
            inner.step()

    def state(self) -> dict[str, Tensor]:
        """All it remembers between steps, such as ``encoder.bias/exp_avg``."""
        return {
            f"{name}/{key}": torch.as_tensor(value).reshape(-1) if key in _COUNTS else value
            for name, weight in self.weights.items()
            for key, value in self._of(name).state[weight].items()
        }

    def load_state(self, state: Named) -> None:
        """Remember what ``state`` gave.

        Raises:
            ConfigError: the state of another optimizer, or of other weights.
        """
        check_same_shapes("optimizer's numbers", state, self._expected(state))
        for path, value in state.items():
            name, _, key = path.rpartition("/")
            kept = self._of(name).state[self.weights[name]]
            if key in _COUNTS:
                kept[key] = int(value) if name == _TABLE else value.reshape(()).clone()
            else:
                kept[key] = value.clone()

    def _expected(self, state: Named) -> Named:
        """What ``state`` gives for the weights that have begun to move, in its shapes."""
        expected: dict[str, Tensor] = {}
        for name in {path.rpartition("/")[0] for path in state} & self.weights.keys():
            counts = _COUNTS if isinstance(self._of(name), torch.optim.NAdam) else _COUNTS[:1]
            expected |= {f"{name}/{key}": torch.empty(1) for key in counts}
            expected |= {f"{name}/{key}": self.weights[name] for key in _MOMENTS}
        return expected

    def _of(self, name: str) -> torch.optim.Optimizer:
        return self.inner[name == _TABLE]


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

    def state(self) -> dict[str, Tensor]:
        """The means by name, and ``steps``."""
        return {**self.means, "steps": torch.tensor([self.steps])} if self.means else {}

    def load_state(self, state: Named) -> None:
        """Go on from what ``state`` gave; where it gave nothing, start at the weights as they are now.

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
def standing_in(weights: Named, values: Named) -> Iterator[None]:
    """Weights have other values, by name, for a while: those of their average, say."""
    before = {name: weights[name].detach().clone() for name in values}
    copy_into(weights, values)
    try:
        yield
    finally:
        copy_into(weights, before)


@torch.no_grad()
def copy_into(weights: Named, values: Named) -> None:
    """Give weights other values, by name."""
    for name, value in values.items():
        weights[name].copy_(value)
