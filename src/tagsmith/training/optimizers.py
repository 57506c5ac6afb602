"""Optimizers by name: SGD with momentum, and those of PyTorch, one row each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn.utils import get_total_norm

from tagsmith.config import TrainingConfig
from tagsmith.ops.sgd.on_torch import SGD
from tagsmith.tensors import check_same_shapes
from tagsmith.training.averaging import NamedTensors

_TABLE = "words.vectors"

TORCH_OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "nadam": torch.optim.NAdam,
    "radam": torch.optim.RAdam,
}
"""Optimizers by their names in ``training.optimizer``. Each takes the weights and ``lr``; for other arguments than its
defaults write ``functools.partial(torch.optim.RMSprop, alpha=0.95)``. All that one remembers must be in its ``state``,
as numbers and tensors; a checkpoint then keeps it without further code."""


class Optimizer(Protocol):
    """A rule for changing weights by their gradients."""

    def zero_grad(self) -> None:
        """Clear the gradients."""
        ...

    def catch_up(self, rows: Tensor) -> None:
        """Bring these rows of the word vectors up to date, before they are read."""
        ...

    def step(self, rate: float) -> None:
        """Change the weights by their gradients, clipped, at a learning rate."""
        ...

    def flush(self) -> None:
        """Bring all rows of the word vectors up to date."""
        ...

    def state(self) -> dict[str, Tensor]:
        """Return all that it remembers between steps, by name."""
        ...

    def load_state(self, state: NamedTensors) -> None:
        """Restore what ``state`` returned."""
        ...


def make_optimizer(settings: TrainingConfig, weights: NamedTensors) -> Optimizer:
    """Return the optimizer that the settings name.

    The gradient of the word vectors is sparse. A step costs time only for the rows in its batch.
    """
    if settings.optimizer == "sgd":
        dense = {name: weight for name, weight in weights.items() if name != _TABLE}
        return SGD(dense, weights[_TABLE], momentum=settings.momentum, clip=settings.clip)
    return TorchOptimizer(settings, weights)


class TorchOptimizer:
    """An optimizer of PyTorch's kind, with a bound on the norm of the gradient.

    Its word vectors are lazy: a row and its moments change only at the steps whose batch has the word. They change by
    plain Adam (``torch.optim.SparseAdam``), whatever the other weights use. The dense method would give other values.
    """

    def __init__(self, settings: TrainingConfig, weights: NamedTensors) -> None:
        self.settings, self.weights = settings, weights
        dense = [weight for name, weight in weights.items() if name != _TABLE]
        self._dense = TORCH_OPTIMIZERS[settings.optimizer](dense, lr=settings.learning_rate)
        self._sparse = torch.optim.SparseAdam([weights[_TABLE]], lr=settings.learning_rate)

    def catch_up(self, rows: Tensor) -> None:
        """Do nothing: a lazy row changes only when its word is read."""

    def flush(self) -> None:
        """Do nothing, for the same reason."""

    def zero_grad(self) -> None:
        """Clear the gradients."""
        for inner in (self._dense, self._sparse):
            inner.zero_grad()

    def step(self, rate: float) -> None:
        """Change the weights by their gradients, clipped, at a learning rate."""
        table = self.weights[_TABLE]
        if table.grad is not None:
            table.grad = table.grad.coalesce()
        gradients = [weight.grad for weight in self.weights.values() if weight.grad is not None]
        values = [gradient.values() if gradient.is_sparse else gradient for gradient in gradients]
        scale = min(1.0, self.settings.clip / (get_total_norm(values).item() + 1e-6))
        for value in values:
            value.mul_(scale)
        for inner in (self._dense, self._sparse):
            for group in inner.param_groups:
                group["lr"] = rate
            inner.step()

    def state(self) -> dict[str, Tensor]:
        """Return all that it remembers between steps, by name, such as ``encoder.bias/exp_avg``. A number has shape
        [1]."""
        return {path: _as_tensor(value) for path, value in self._remembered() if value is not None}

    def load_state(self, state: NamedTensors) -> None:
        """Restore what ``state`` returned.

        Raises:
            ConfigError: the state of another optimizer, or of other weights.
        """
        moved = {path.rpartition("/")[0] for path in state}  # a weight without a gradient so far has no state
        examples = {path: value for path, value in self._examples() if path.rpartition("/")[0] in moved}
        expected = {path: _as_tensor(value) for path, value in examples.items() if value is not None}
        check_same_shapes("optimizer's numbers", state, expected)
        for name in moved:
            self._of(name).state[self.weights[name]] = {}
        for path, example in examples.items():
            name, _, key = path.rpartition("/")
            self._of(name).state[self.weights[name]][key] = None if example is None else _like(example, state[path])

    def _remembered(self) -> Iterator[tuple[str, Any]]:
        """Yield all numbers and tensors that the optimizers keep for each weight, by name."""
        for name, weight in self.weights.items():
            for key, value in self._of(name).state[weight].items():
                yield f"{name}/{key}", value

    def _examples(self) -> Iterator[tuple[str, Any]]:
        """Yield the same with other values: the names, shapes and types of this optimizer's state after a first step.

        A second optimizer takes a step of zero gradients to find them. So no optimizer needs a list of its state.
        """
        copies = {name: torch.zeros_like(weight).requires_grad_() for name, weight in self.weights.items()}
        for name, copy in copies.items():
            copy.grad = torch.zeros_like(copy).to_sparse(1) if name == _TABLE else torch.zeros_like(copy)
        other = TorchOptimizer(self.settings, copies)
        other.step(self.settings.learning_rate)
        return other._remembered()

    def _of(self, name: str) -> torch.optim.Optimizer:
        return self._sparse if name == _TABLE else self._dense


def _as_tensor(value: Any) -> Tensor:
    """Return a number or a tensor as a tensor with at least one axis, for a checkpoint."""
    if isinstance(value, float):
        return torch.tensor([value], dtype=torch.float64)
    tensor = torch.as_tensor(value)
    return tensor.reshape(1) if tensor.ndim == 0 else tensor


def _like(example: Any, kept: Tensor) -> Any:
    """Return a kept tensor as the type of an example: a number, or a tensor of its shape."""
    if not isinstance(example, Tensor):
        return type(example)(kept.item())
    return kept.reshape(example.shape).to(example, copy=True)
