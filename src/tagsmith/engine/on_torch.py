"""The engine for models that have no Triton kernels, on a GPU: the training network without dropout."""

from __future__ import annotations

from tagsmith.batching import Batch
from tagsmith.engine.decoding import Decoder
from tagsmith.model.network import Network
from tagsmith.ops.chain import compiled as chain
from tagsmith.ops.chain.types import Chain
from tagsmith.store import Model


class TorchEngine:
    """Runs a model in PyTorch on a device."""

    parallel = False
    precision = "fp32"

    def __init__(self, model: Model, device: str) -> None:
        self.network = Network(model).to(device).eval()
        self.read = model.alphabets.batch
        self.decoder = Decoder(model.config, model.tags, chain)

    def chain(self, batch: Batch) -> Chain:
        """Return the chain of scores over every sentence, in float32."""
        return self.network.chain(batch)
