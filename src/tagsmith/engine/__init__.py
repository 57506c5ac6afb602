"""The engines that run a model: numpy (plain, anywhere) and torch (GPU). All give the same tags.

Torch is imported only when its engine is asked for.
"""

from __future__ import annotations

import re
from typing import Protocol

from tagsmith.batching import Batch, Ids
from tagsmith.errors import ConfigError
from tagsmith.kernels.reference import Chain, Floats
from tagsmith.store import Model


class Engine(Protocol):
    """What runs a model on a batch."""

    def chain(self, batch: Batch) -> Chain:
        """What every path of every sentence scores, in float32."""
        ...

    def decode(self, batch: Batch) -> Ids:
        """Tag ids of the best path of each sentence, a legal one unless ``decode.constraints=none``. Shape: [N]."""
        ...

    def marginals(self, batch: Batch) -> Floats:
        """Probability of every tag at every word, over the paths ``decode`` chooses from. Shape: [N, K], float64."""
        ...


def check_device(device: str) -> None:
    """See to it that a device is one that models run on.

    Raises:
        ConfigError: it is not.
    """
    if not re.fullmatch(r"(cpu|cuda)(:\d+)?", device):
        raise ConfigError(f"device {device!r}: expected cpu, cuda, or cuda:0 and so on")


def make_engine(model: Model, device: str = "cpu") -> Engine:
    """The engine for a device: NumPy for ``cpu``, PyTorch for any other, such as ``cuda``.

    Raises:
        MissingExtra: a device other than ``cpu`` without PyTorch installed.
        ConfigError: a device that is not there.
    """
    if device == "cpu":
        from tagsmith.engine.numpy import NumpyEngine

        return NumpyEngine(model)
    check_device(device)
    from tagsmith.extras import require

    require("torch", "PyTorch", "train")
    from tagsmith.engine.torch import TorchEngine

    try:
        return TorchEngine(model, device)
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(f"device {device!r}: {str(error).splitlines()[0]}") from None
