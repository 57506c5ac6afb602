"""The linear chain in PyTorch: log-partition with its gradient, and the score of a path.

No padding: the loop goes through the words in order of time (see ``Steps``), so each step works on the sentences
that still run.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import FunctionCtx

from tagsmith.batching import Steps


class LogPartition(Function):
    """Sum over the batch of the log of the sum of exp(score) over all paths.

    Its gradient is the marginals. The backward pass over a chain is the forward pass over the chain read from its
    end, with the transitions turned round; so one loop does both, and the gradient needs no loop at all.

    Shape: emissions [N, K] in the order of the batch, transitions [K, K] (from, to), start and end [K] -> [].
    """

    @staticmethod
    def forward(
        ctx: FunctionCtx, emissions: Tensor, transitions: Tensor, start: Tensor, end: Tensor, steps: Steps
    ) -> Tensor:
        order = torch.from_numpy(steps.order).to(emissions.device)
        both = emissions[order]
        both_transitions = torch.stack([transitions, transitions.T])
        reached = torch.empty_like(both)  # alpha, and beta with its place's emission added
        now = both.new_empty(2, 0, 0)
        for t, (step, count) in enumerate(zip(steps.slices(), steps.counts, strict=True)):
            if t == 0:
                now = torch.stack([start, end])[:, None] + both[:, step]
            else:
                through = now[:, :count, :, None] + both_transitions[:, None]
                now = torch.logsumexp(through, 2).add_(both[:, step])
            reached[:, step] = now
        forwards, backwards = torch.empty_like(emissions), torch.empty_like(emissions)
        forwards[order[0]], backwards[order[1]] = reached[0], reached[1]
        first, last = order[0, : steps.counts[0]], order[1, : steps.counts[0]]
        log_z = torch.logsumexp(forwards[last] + end, 1)
        ctx.save_for_backward(emissions, transitions, forwards, backwards, first, last)
        return log_z.sum()

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, None]:
        (grad,) = grad_outputs
        emissions, transitions, forwards, backwards, first, last = ctx.saved_tensors
        # Normalised word by word: against log_z, which float32 rounds, long sentences would lose all precision.
        marginals = (forwards + backwards - emissions).softmax(1)
        ends = torch.zeros(len(emissions), dtype=torch.bool, device=emissions.device)
        ends[last] = True
        (before,) = torch.nonzero(~ends, as_tuple=True)  # words followed by another of their sentence
        pairs = forwards[before, :, None] + transitions + backwards[before + 1, None, :]
        return (
            grad * marginals,
            grad * pairs.flatten(1).softmax(1).sum(0).view_as(transitions),
            grad * marginals[first].sum(0),
            grad * marginals[last].sum(0),
            None,
        )


def path_score(
    emissions: Tensor, transitions: Tensor, start: Tensor, end: Tensor, tags: Tensor, steps: Steps
) -> Tensor:
    """Sum over the batch of the scores of the given paths.

    Shape: emissions [N, K] and tags [N] in the order of the batch, transitions [K, K] (from, to), start and
    end [K] -> [].
    """
    first, last = torch.from_numpy(steps.order[:, : steps.counts[0]]).to(emissions.device)
    ends = torch.zeros(len(tags), dtype=torch.bool, device=emissions.device)
    ends[last] = True
    (before,) = torch.nonzero(~ends, as_tuple=True)
    return (
        emissions.gather(1, tags[:, None]).sum()
        + transitions[tags[before], tags[before + 1]].sum()
        + start[tags[first]].sum()
        + end[tags[last]].sum()
    )
