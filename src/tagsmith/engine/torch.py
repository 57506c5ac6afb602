"""The engine for GPUs: the training network with dropout off."""

from __future__ import annotations

import torch

from tagsmith.batching import Batch, Ids, time_steps
from tagsmith.engine.decoding import Decoder
from tagsmith.kernels.reference import Floats
from tagsmith.model.network import Network
from tagsmith.store import Model


class TorchEngine:
    """Runs a model in PyTorch on a device."""

    def __init__(self, model: Model, device: str) -> None:
        self.network = Network(model).to(device).eval()
        self.decoder = Decoder(model)

    @torch.inference_mode()
    def emissions(self, batch: Batch) -> Floats:
        """Scores of every tag at every word. Shape: [N, K], float32."""
        return self.network(batch).cpu().numpy()

    def decode(self, batch: Batch) -> Ids:
        """Tag ids of the best legal path of each sentence. Shape: [N]."""
        return self.decoder(self.emissions(batch), time_steps(batch.lengths))
