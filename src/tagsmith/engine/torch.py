"""The engine for GPUs: the training network with dropout off."""

from __future__ import annotations

from tagsmith.batching import Batch, Ids
from tagsmith.engine.decoding import Decoder
from tagsmith.kernels import chain
from tagsmith.kernels.reference import Chain, Floats
from tagsmith.model.network import Network
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
        """What every path of every sentence scores, in float32."""
        return self.network.chain(batch)

    def decode(self, batch: Batch) -> Ids:
        """Tag ids of the best path of each sentence. Shape: [N]."""
        return self.decoder.viterbi(self.chain(batch), batch.lengths)

    def marginals(self, batch: Batch) -> Floats:
        """Probability of every tag at every word. Shape: [N, K], float64."""
        return self.decoder.marginals(self.chain(batch), batch.lengths)
