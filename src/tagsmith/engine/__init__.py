"""The engines that run a model: numba (compiled, for CPUs), numpy (plain), triton (for GPUs), and torch, on a GPU for
what triton has no kernels for. All give the same tags.

Torch is imported only when its engine is asked for, Numba only when there is enough to tag.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar

from tagsmith.engine.decoding import Decoder
from tagsmith.errors import ConfigError
from tagsmith.ops.chain.types import Chain
from tagsmith.store import Model
from tagsmith.tensors import Ids


class HasLengths(Protocol):
    """Sentences as an engine takes them."""

    @property
    def lengths(self) -> Ids:
        """Words in each. Shape: [B]."""
        ...


Read = TypeVar("Read", bound=HasLengths)
PRECISIONS = ("auto", "fp32", "int8")


class Engine(Protocol, Generic[Read]):
    """What runs a model. ``read`` makes numbers of strings; what it gives can go to any thread, once or more."""

    parallel: bool
    """Whether threads that decode at the same time gain anything by it."""
    precision: str
    """What the encoder's recurrence is computed in: ``fp32`` or ``int8``."""
    decoder: Decoder
    """What makes answers of the chains."""

    def read(self, sentences: Sequence[Sequence[str]]) -> Read:
        """Sentences of N words in all, none of them empty, as the engine takes them."""
        ...

    def chain(self, batch: Read) -> Chain:
        """What every path of every sentence scores, in float32."""
        ...


def check_device(device: str) -> None:
    """See to it that a device is one that models run on.

    Raises:
        ConfigError: it is not.
    """
    if not re.fullmatch(r"(cpu|cuda)(:\d+)?", device):
        raise ConfigError(f"device {device!r}: expected cpu, cuda, or cuda:0 and so on")


def make_engine(model: Model, device: str = "cpu", compiled: bool = True, precision: str = "auto") -> Engine:
    """The engine for a device: Numba for ``cpu``; for any other, such as ``cuda``, Triton or else PyTorch.

    Args:
        compiled: on ``cpu``; False is NumPy alone, slower to tag and quicker to start.
        precision: ``fp32``; ``int8``, compiled code for LSTM encoders and processors with AVX-512 VNNI; or ``auto``:
            int8 where it can run and the model carries a check that it scores the same on dev, else fp32.

    Raises:
        MissingExtra: a device other than ``cpu`` without PyTorch installed.
        ConfigError: a device that is not there, an unknown precision, or int8 where it can't run.
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
    from tagsmith.gpu import obstacle as no_kernels

    try:
        if device.startswith("cuda") and not no_kernels(model.config):
            from tagsmith.engine.on_triton import TritonEngine

            return TritonEngine(model, device)
        from tagsmith.engine.on_torch import TorchEngine

        return TorchEngine(model, device)
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(f"device {device!r}: {str(error).splitlines()[0]}") from None


def int8_obstacle(model: Model, device: str = "cpu", compiled: bool = True) -> str:
    """Why a model can't run in int8 here; empty if it can."""
    if device != "cpu":
        return f"found device {device!r}; expected cpu"
    if model.config.encoder.kind != "lstm":
        return f"found a model with encoder.kind={model.config.encoder.kind}; expected lstm"
    if not compiled:
        return "found compiled=False; expected compiled kernels"
    from tagsmith.ops.recurrence import int8

    return "" if int8.can_run() else "found a processor without it; expected one with AVX-512 VNNI"
