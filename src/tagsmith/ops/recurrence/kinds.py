"""The one table of encoder kinds: which recurrences there are, and which implementations each of them has.

Importing it imports NumPy alone. The plain engine never imports Numba, and tagging on a CPU never imports PyTorch:
an entry of the table imports its implementation when it is called.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Protocol

from tagsmith.ops.recurrence import reference
from tagsmith.tensors import Floats


class Reference(Protocol):
    """The hidden states of one direction in NumPy, as in ``reference``."""

    def __call__(self, products: Floats, state_weight: Floats, counts: list[int], /) -> Floats:
        """Shape: products [N, GH] in order of time, state_weight [H, GH], counts [T] -> [N, H]."""
        ...


@dataclass(frozen=True)
class RecurrenceKind:
    """A kind of recurrence: its gates and its implementations. G gates of H units make GH columns of each weight.

    An implementation other than the reference is given by a function that imports and returns it.
    """

    gates: tuple[str, ...]
    """In the order of their columns."""
    reference: Reference
    compiled: Callable[[], Any]
    """The kernel for tagging on a CPU, called as ``compiled.lstm``."""
    on_torch: Callable[[], Any]
    """The function for training, called as ``on_torch.lstm``."""
    autograd: Callable[[], Any] | None = None
    """The compiled function for training in float32 on a CPU, called as ``autograd.lstm``; None: ``on_torch`` is."""
    int8: Callable[[], Any] | None = None
    """The kernel for tagging in integers of 8 bits, called as ``int8.lstm``; None: there is none."""
    on_triton: Callable[[], Any] | None = None
    """The function for a GPU, called as ``on_triton.lstm``; None: PyTorch runs the model there."""
    initial_bias: Mapping[str, float] = field(default_factory=dict)
    """The bias that a gate starts from, if it is not 0."""


def _late(module: str, name: str) -> Callable[[], Any]:
    """Return a function that imports a module of this package and returns what it calls ``name``."""
    return lambda: getattr(import_module(f"tagsmith.ops.recurrence.{module}"), name)


KINDS: dict[str, RecurrenceKind] = {
    "lstm": RecurrenceKind(
        gates=("input", "forget", "output", "candidate"),
        reference=reference.lstm,
        compiled=_late("compiled", "lstm"),
        on_torch=_late("on_torch", "lstm"),
        autograd=_late("autograd", "lstm"),
        int8=_late("int8", "lstm"),
        on_triton=_late("on_triton", "lstm"),
        initial_bias={"forget": 1.0},
    ),
    "gru": RecurrenceKind(
        gates=("reset", "update", "candidate"),
        reference=reference.gru,
        compiled=_late("compiled", "gru"),
        on_torch=_late("on_torch", "gru"),
        autograd=_late("autograd", "gru"),
    ),
    "rnn": RecurrenceKind(
        gates=("state",),
        reference=reference.rnn,
        compiled=_late("compiled", "rnn"),
        on_torch=_late("on_torch", "rnn"),
    ),
}
"""Every kind by its name in ``encoder.kind``."""


def kinds_with(implementation: str) -> list[str]:
    """Return the kinds that have an implementation, such as ``int8``."""
    return [name for name, kind in KINDS.items() if getattr(kind, implementation)]
