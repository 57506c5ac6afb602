"""SGD with momentum and gradient clipping. The table of word vectors is updated row by row.

At step t, with gradient g (of all weights, L2 norm ‖g‖), rate η_t and momentum μ::

    s = min(1, clip / ‖g‖)        v ← μ v + s g        θ ← θ - η_t v

A batch reads a few rows of the table; every other row has a zero gradient. After a last gradient at step u, such a row
keeps moving with a shrinking velocity. After step n

    v_n = μ^(n-u) v_u        θ_n = θ_u - v_u Σ_{k=u+1..n} η_k μ^(k-u)

Both factors depend only on u and n, not on the row. They describe a unit velocity left at step u::

    left_n[u] = μ left_{n-1}[u]        way_n[u] = way_{n-1}[u] + η_n left_n[u]        left_u[u] = 1, way_u[u] = 0

and are kept in float64 for each u since the last flush. A row catches up just before a batch reads it. This is the
dense recurrence, run once per step instead of once per row. It adds only terms of one sign, so nothing cancels, for any
learning rates, and an underflowing power of μ does no harm. (The difference of two cumulative sums of η_k μ^k, divided
by
μ^u, is cheaper but loses all digits after some hundred steps.)
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils import get_total_norm

from tagsmith.errors import DataError
from tagsmith.ops.dispatch import runs_compiled
from tagsmith.ops.sgd import compiled as kernels
from tagsmith.tensors import check_same_shapes


class SGD:
    """The optimiser of dense weights by name, and of a table [rows, D] with sparse gradients, or None.

    Call ``catch_up`` with the rows that a forward pass will read, and ``flush`` before the whole table is read
    (evaluation, saving). The cost of a step depends on the dense weights, the rows of the batch and the steps since the
    last flush (two float64 numbers each), not on the rows of the table.

    A missing gradient counts as zero. As in ``torch.nn.utils.clip_grad_norm_``, 1e-6 is added to the norm.
    """

    def __init__(self, dense: Mapping[str, Tensor], table: Tensor | None, *, momentum: float, clip: float) -> None:
        self._dense = dict(dense)
        self._velocities = {name: torch.zeros_like(weights) for name, weights in self._dense.items()}
        self._rows = None if table is None else _Rows(table, momentum)
        self._momentum, self._clip = momentum, clip

    def catch_up(self, rows: Tensor) -> None:
        """Bring rows up to date (ids of any shape, repeated or not)."""
        if self._rows:
            self._rows.catch_up(rows.flatten())

    def flush(self) -> None:
        """Bring all rows up to date. Call it at the end of an epoch at the latest."""
        if self._rows:
            self._rows.flush()

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Take a step at a learning rate, with the gradients in ``.grad``.

        Raises:
            ValueError: a gradient of the table that is not sparse, or for a row that was not caught up.
        """
        gradients = {name: weights.grad for name, weights in self._dense.items() if weights.grad is not None}
        read = self._rows.gradient() if self._rows else None
        scale = min(1.0, self._clip / (total_norm([*gradients.values(), *([read[1]] if read else [])]) + 1e-6))
        for name, weights in self._dense.items():
            descend(weights, self._velocities[name], gradients.get(name), self._momentum, scale, rate)
        if self._rows and read:
            self._rows.step(*read, scale, rate)

    def zero_grad(self) -> None:
        """Clear the gradients."""
        for weights in [*self._dense.values(), *([self._rows.table] if self._rows else [])]:
            weights.grad = None

    def state(self) -> dict[str, Tensor]:
        """Return a copy of the state, nothing caught up. Training resumes from it to the same bits.

        ``velocity.NAME`` for each dense weight; ``rows.velocity`` [rows, D], ``rows.last`` [rows] (int64, the step at
        which a row was last up to date, counted from the last flush), ``rows.left`` and ``rows.way``
        [steps since the last flush + 1] (float64).
        """
        return {name: tensor.clone() for name, tensor in self._tensors().items()}

    @torch.no_grad()
    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Load a state that ``state`` returned. The weights must be those of that moment.

        Raises:
            ConfigError: the state of another optimiser, or of other weights. Nothing is loaded.
            DataError: a state that contradicts itself. Nothing is loaded.
        """
        own = self._tensors()
        by_step = {name: state[name] for name in ("rows.left", "rows.way") if name in own and name in state}
        check_same_shapes("optimizer's numbers", state, {**own, **by_step})
        for name, tensor in own.items():
            given = state[name]
            if given.dtype != tensor.dtype or given.ndim != tensor.ndim:
                shape = "[steps]" if name in by_step else list(tensor.shape)
                raise DataError(f"{name} {list(given.shape)} of {given.dtype}", f"{shape} of {tensor.dtype}")
        if self._rows:
            left, way, last = state["rows.left"], state["rows.way"], state["rows.last"]
            if len(left) != len(way) or not len(left):
                raise DataError(f"{len(left)} steps in rows.left and {len(way)} in rows.way", "as many, and at least 1")
            if ((last < 0) | (last >= len(left))).any():
                raise DataError("a row's last step in rows.last", f"0 to {len(left) - 1}")
            self._rows.left, self._rows.way = left.to(self._rows.left, copy=True), way.to(self._rows.way, copy=True)
        for name, tensor in self._tensors().items():
            tensor.copy_(state[name])

    def _tensors(self) -> dict[str, Tensor]:
        tensors = {f"velocity.{name}": velocity for name, velocity in self._velocities.items()}
        if self._rows:
            rows = self._rows
            named = {"velocity": rows.velocity, "last": rows.last, "left": rows.left, "way": rows.way}
            tensors |= {f"rows.{name}": tensor for name, tensor in named.items()}
        return tensors


def total_norm(gradients: Sequence[Tensor]) -> float:
    """Return the L2 norm of all gradients together."""
    if all(map(runs_compiled, gradients)):
        return math.sqrt(sum(kernels.squared_norm(gradient.reshape(-1).numpy()) for gradient in gradients))
    return get_total_norm(gradients).item()


def descend(
    weights: Tensor, velocity: Tensor, gradient: Tensor | None, momentum: float, scale: float, rate: float
) -> None:
    """Take a step of some weights and their velocity. A missing gradient counts as zero."""
    if gradient is not None and all(map(runs_compiled, (weights, velocity, gradient))):
        theta, v = (tensor.detach().view(-1).numpy() for tensor in (weights, velocity))
        kernels.descend(theta, v, gradient.reshape(-1).numpy(), momentum, scale, rate)
        return
    velocity.mul_(momentum)
    if gradient is not None:
        velocity.add_(gradient, alpha=scale)
    weights.sub_(velocity, alpha=rate)


class _Rows:
    """The rows of a table, each brought up to date when it is read. ``left`` and ``way`` are defined above."""

    def __init__(self, table: Tensor, momentum: float) -> None:
        self.table, self.momentum = table, momentum
        self.velocity = torch.zeros_like(table)
        self.last = torch.zeros(len(table), dtype=torch.int64, device=table.device)
        self.left = torch.ones(1, dtype=torch.float64, device=table.device)
        self.way = torch.zeros(1, dtype=torch.float64, device=table.device)

    @torch.no_grad()
    def catch_up(self, rows: Tensor) -> None:
        if runs_compiled(self.table):
            table, velocity, last, left, way = self._arrays()
            kernels.catch_up(table, velocity, last, left, way, rows.numpy())
            return
        velocity, last = self.velocity[rows], self.last[rows]
        # A repeated row is written more than once, each time with the same values.
        self.table[rows] -= velocity * self._factor(self.way, last)
        self.velocity[rows] = velocity * self._factor(self.left, last)
        self.last[rows] = len(self.left) - 1

    @torch.no_grad()
    def flush(self) -> None:
        self.table -= self.velocity * self._factor(self.way, self.last)
        self.velocity *= self._factor(self.left, self.last)
        self.last.zero_()
        self.left, self.way = self.left[-1:].clone(), self.way[-1:].clone()  # 1 and 0: those of the latest step

    def gradient(self) -> tuple[Tensor, Tensor]:
        """Return the rows with a gradient [R], ascending, and their gradients [R, D], summed in batch order."""
        gradient = self.table.grad
        if gradient is None:
            return self.last.new_empty(0), self.table.new_empty(0, self.table.shape[1])
        if not gradient.is_sparse:
            raise ValueError("the table's gradient is dense; read the table with F.embedding(..., sparse=True)")
        rows, place = gradient._indices()[0].unique(return_inverse=True)
        values = gradient._values()
        if (self.last[rows] != len(self.left) - 1).any():
            raise ValueError("a gradient for a row that catch_up was not given")
        # Not coalesce(): it promises no order for the sum of a repeated row.
        if runs_compiled(values):
            return rows, torch.from_numpy(kernels.sum_by_row(place.numpy(), values.contiguous().numpy(), len(rows)))
        return rows, self.table.new_zeros(len(rows), self.table.shape[1]).index_add_(0, place, values)

    def step(self, rows: Tensor, gradient: Tensor, scale: float, rate: float) -> None:
        if runs_compiled(self.table):
            table, velocity = self._arrays()[:2]
            kernels.descend_rows(table, velocity, rows.numpy(), gradient.numpy(), self.momentum, scale, rate)
        else:
            velocity = self.velocity[rows].mul_(self.momentum).add_(gradient, alpha=scale)
            self.velocity[rows] = velocity
            self.table[rows] -= rate * velocity
        self.left *= self.momentum
        self.way += rate * self.left
        self.left, self.way = (
            torch.cat((self.left, self.left.new_ones(1))),
            torch.cat((self.way, self.way.new_zeros(1))),
        )
        self.last[rows] = len(self.left) - 1

    def _arrays(self) -> list[np.ndarray]:
        return [each.detach().numpy() for each in (self.table, self.velocity, self.last, self.left, self.way)]

    def _factor(self, by_step: Tensor, last: Tensor) -> Tensor:
        return by_step[last].to(self.table.dtype)[:, None]
