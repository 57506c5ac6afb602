"""The chain alone on given potentials: loss and gradients (``loss``), or the best paths (``viterbi``).

The one place that says which of tagsmith's kernels these are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from tagsmith.batching import time_steps
from tagsmith.bench.serving import Task
from tagsmith.kernels import reference
from tagsmith.kernels.reference import Chain
from tagsmith.model.chain import LogPartition, path_score


def prepare(task: Task) -> Callable[[], Callable[[], Any]]:
    """Put the numbers of the problem into arrays."""
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
        chain = [torch.tensor(part, requires_grad=True) for part in (emissions, *scores)]
        steps = time_steps(lengths)
        nll = LogPartition.apply(*chain, steps) - path_score(*chain, torch.from_numpy(tags), steps)  # type: ignore[operator]
        nll.backward()
        return {"nll": nll, "gradients": [part.grad for part in chain]}

    def viterbi() -> Any:
        steps = time_steps(lengths)
        path = np.empty(len(emissions), np.int64)
        chain = Chain(emissions[steps.order[0]], *scores)
        path[steps.order[0]] = reference.viterbi(*chain, steps.counts)
        return path.reshape(sentences, length)

    call = loss if given["what"] == "loss" else viterbi

    def run() -> Any:
        for _ in range(given["calls"] - 1):
            call()
        answer = call()
        if isinstance(answer, dict):
            return {"nll": answer["nll"].item(), "gradients": [part.flatten().tolist() for part in answer["gradients"]]}
        return answer.tolist()

    return lambda: run
