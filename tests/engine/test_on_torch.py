"""The engine in PyTorch: the network without dropout, on its device."""

from __future__ import annotations

import numpy as np

from tagsmith.engine.on_torch import TorchEngine
from tests.support.engines import ODD
from tests.support.handmade import random_model


def test_nothing_is_dropped_out() -> None:
    model = random_model(1)
    assert model.config.encoder.dropout_in > 0
    engine, batch = TorchEngine(model, "cpu"), model.alphabets.batch(ODD)
    assert np.array_equal(engine.chain(batch).emissions, engine.chain(batch).emissions)


def test_the_network_is_on_the_device() -> None:
    engine = TorchEngine(random_model(1), "meta")
    assert {parameter.device.type for parameter in engine.network.parameters()} == {"meta"}
