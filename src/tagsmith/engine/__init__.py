"""The engines that run a model: numba (compiled, for CPUs), numpy (plain) and torch (GPU). All give the same tags.

Torch is imported only when its engine is asked for, Numba only when there is enough to tag.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar

from tagsmith.batching import Ids
from tagsmith.errors import ConfigError
from tagsmith.kernels.reference import Chain, Floats
from tagsmith.store import Model

Read = TypeVar("Read")


class Engine(Protocol, Generic[Read]):
    """What runs a model. ``read`` makes numbers of strings; what it gives can go to any thread, once or more."""

    parallel: bool
    """Whether threads that decode at the same time gain anything by it."""

    def read(self, sentences: Sequence[Sequence[str]]) -> Read:
        """Sentences of N words in all, none of them empty, as the engine takes them."""
        ...

    def chain(self, batch: Read) -> Chain:
        """What every path of every sentence scores, in float32."""
        ...

    def decode(self, batch: Read) -> Ids:
        """Tag ids of the best path of each sentence, a legal one unless ``decode.constraints=none``. Shape: [N]."""
        ...

    def marginals(self, batch: Read) -> Floats:
        """Probability of every tag at every word, over the paths ``decode`` chooses from. Shape: [N, K], float64."""
        ...


def check_device(device: str) -> None:
    """See to it that a device is one that models run on.

    Raises:
        ConfigError: it is not.
    """
    if not re.fullmatch(r"(cpu|cuda)(:\d+)?", device):
        raise ConfigError(f"device {device!r}: expected cpu, cuda, or cuda:0 and so on")


def make_engine(model: Model, device: str = "cpu", compiled: bool = True) -> Engine:
    """The engine for a device: Numba for ``cpu``, PyTorch for any other, such as ``cuda``.

    Args:
        compiled: on ``cpu``; False is NumPy alone, slower to tag and quicker to start.

    Raises:
        MissingExtra: a device other than ``cpu`` without PyTorch installed.
        ConfigError: a device that is not there.
    """
    if device == "cpu":
        if not compiled:
            from tagsmith.engine.numpy import NumpyEngine

            return NumpyEngine(model)
        from tagsmith.engine.numba import NumbaEngine

        return NumbaEngine(model)
    check_device(device)
    from tagsmith.extras import require

    require("torch", "PyTorch", "train")
    from tagsmith.engine.torch import TorchEngine

    try:
        return TorchEngine(model, device)
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(f"device {device!r}: {str(error).splitlines()[0]}") from None
