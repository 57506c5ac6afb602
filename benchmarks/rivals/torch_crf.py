"""pytorch-crf on the same potentials: loss and gradients (``loss``), or the best paths (``viterbi``)."""

from importlib.metadata import version

import torch
from torchcrf import CRF


def prepare(task):
    """Copy the potentials and tags to tensors."""
    torch.set_num_threads(1)
    given = task.options
    emissions = torch.tensor(given["emissions"])  # [B, T, K]
    emissions = emissions.transpose(0, 1).contiguous()  # pytorch-crf's default layout, [T, B, K]
    tags = torch.tensor(given["tags"]).T.contiguous()
    calls = given["calls"]
    crf = CRF(emissions.shape[2])
    for name in ("transitions", "start_transitions", "end_transitions"):
        getattr(crf, name).data = torch.tensor(given[name])
    parts = (crf.transitions, crf.start_transitions, crf.end_transitions)
    task.notes |= {"version": version("pytorch-crf"), "torch": torch.__version__}

    def loss():
        scores = emissions.clone().requires_grad_()
        crf.zero_grad()
        nll = -crf(scores, tags, reduction="sum")
        nll.backward()
        return nll, [scores.grad.transpose(0, 1), *(part.grad for part in parts)]

    def run():
        call = loss if given["what"] == "loss" else lambda: crf.decode(emissions)
        for _ in range(calls - 1):
            call()
        output = call()
        if given["what"] == "viterbi":
            return output
        nll, gradients = output
        return {"nll": nll.item(), "gradients": [part.flatten().tolist() for part in gradients]}

    return lambda: run
