"""The CRF alone on given potentials: loss and gradients (``loss``), or the best paths (``viterbi``).

Here it is decided which of tagsmith's kernels are measured.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from tagsmith.bench.runner import BenchTask
from tagsmith.ops.chain import compiled
from tagsmith.ops.chain import on_torch as chain
from tagsmith.ops.chain.types import Allowed, Chain


def prepare(task: BenchTask) -> Callable[[], Callable[[], Any]]:
    """Copy the potentials and tags to arrays."""
    torch.set_num_threads(1)
    given = task.options
    emissions = np.array(given["emissions"], np.float32)  # [B, T, K]
    sentences, length, count = emissions.shape
    emissions = emissions.reshape(-1, count)
    lengths = np.full(sentences, length)
    tags = np.array(given["tags"]).reshape(-1)
    names = ("transitions", "start_transitions", "end_transitions")
    scores = [np.array(given[name], np.float32) for name in names]
    task.notes["torch"] = torch.__version__

    def loss() -> dict[str, Any]:
        parts = [torch.tensor(part, requires_grad=True) for part in (emissions, *scores)]
        nll = chain.nll(chain.TorchChain(*parts), torch.from_numpy(tags), lengths)
        nll.backward()
        return {"nll": nll, "gradients": [part.grad for part in parts]}

    def viterbi() -> Any:
        return compiled.viterbi(Chain(emissions, *scores), Allowed.all(count), lengths).reshape(sentences, length)

    call = loss if given["what"] == "loss" else viterbi

    def run() -> Any:
        for _ in range(given["calls"] - 1):
            call()
        output = call()
        if isinstance(output, dict):
            return {"nll": output["nll"].item(), "gradients": [part.flatten().tolist() for part in output["gradients"]]}
        return output.tolist()

    return lambda: run
