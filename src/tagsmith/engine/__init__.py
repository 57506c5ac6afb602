"""The engines that run a model. All give the same tags.

``compiled`` (Numba) is for CPUs, ``plain`` (NumPy) starts fast, ``on_triton`` is for GPUs, and ``on_torch`` runs the
models on a GPU that Triton has no kernels for. PyTorch is imported only when one of its engines is requested, and Numba
only when there is enough to tag.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar

from tagsmith.engine.decoding import ChainScores, Decoder
from tagsmith.errors import ConfigError
from tagsmith.ops.recurrence.kinds import KINDS, kinds_with
from tagsmith.store import Model
from tagsmith.tensors import Ids


class HasLengths(Protocol):
    """A batch of sentences in the form that an engine takes."""

    @property
    def lengths(self) -> Ids:
        """Words in each. Shape: [B]."""
        ...


Read = TypeVar("Read", bound=HasLengths)
PRECISIONS = ("auto", "fp32", "int8")


class Engine(Protocol, Generic[Read]):
    """Runs a model. ``read`` turns strings into numbers; any thread may use the result, any number of times."""

    parallel: bool
    """Whether decoding on several threads at the same time is faster."""
    precision: str
    """The precision of the encoder's recurrence: ``fp32`` or ``int8``."""
    decoder: Decoder
    """Decodes the engine's chains."""

    def read(self, sentences: Sequence[Sequence[str]]) -> Read:
        """Return non-empty sentences of N words in all in the form that the engine takes."""
        ...

    def chain(self, batch: Read) -> ChainScores:
        """Return the chain of scores over every sentence, in float32."""
        ...


def check_device(device: str) -> None:
    """Check that a device has the name of one that models run on.

    Raises:
        ConfigError: another name.
    """
    if not re.fullmatch(r"(cpu|cuda)(:\d+)?", device):
        raise ConfigError(f"device {device!r}: expected cpu, cuda, or cuda:0 and so on")


def make_engine(model: Model, device: str = "cpu", compiled: bool = True, precision: str = "auto") -> Engine:
    """Return the engine for a device: Numba for ``cpu``; for any other, such as ``cuda``, Triton or else PyTorch.

    Args:
        compiled: on ``cpu``; False is NumPy alone, which tags more slowly and starts faster.
        precision: ``fp32``; ``int8``, compiled code for LSTM encoders and processors with AVX-512 VNNI; or ``auto``:
            int8 if it can run and the model's own check says that dev scores the same, else fp32.

    Raises:
        MissingExtra: a device other than ``cpu`` without PyTorch installed.
        ConfigError: a device that does not exist, an unknown precision, or int8 where it cannot run.
    """
    if precision not in PRECISIONS:
        raise ConfigError(f"precision {precision!r}: expected one of: {', '.join(PRECISIONS)}")
    if precision == "int8" and (obstacle := int8_obstacle(model, device, compiled)):
        raise ConfigError(f"precision 'int8': {obstacle}")
    if device == "cpu":
        if not compiled:
            from tagsmith.engine.plain import NumpyEngine

            return NumpyEngine(model)
        from tagsmith.engine.compiled import NumbaEngine

        if precision == "auto":
            is_near = model.int8 is not None and model.int8.passed
            precision = "int8" if is_near and not int8_obstacle(model, device, compiled) else "fp32"
        return NumbaEngine(model, precision)
    check_device(device)
    from tagsmith.extras import require

    require("torch", "PyTorch", "train")
    from tagsmith.gpu import missing_kernels

    try:
        if device.startswith("cuda") and not missing_kernels(model.config):
            from tagsmith.engine.on_triton import TritonEngine

            return TritonEngine(model, device)
        from tagsmith.engine.on_torch import TorchEngine

        return TorchEngine(model, device)
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(f"device {device!r}: {str(error).splitlines()[0]}") from None


def int8_obstacle(model: Model, device: str = "cpu", compiled: bool = True) -> str:
    """Return why a model cannot run in int8 here, or an empty string if it can."""
    if device != "cpu":
        return f"found device {device!r}; expected cpu"
    if not KINDS[model.config.encoder.kind].int8:
        return (
            f"found a model with encoder.kind={model.config.encoder.kind}; expected {' or '.join(kinds_with('int8'))}"
        )
    if not compiled:
        return "found compiled=False; expected compiled kernels"
    from tagsmith.ops.recurrence import int8

    return "" if int8.can_run() else "found a processor without it; expected one with AVX-512 VNNI"
