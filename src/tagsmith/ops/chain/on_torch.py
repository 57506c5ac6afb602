"""The loss of a linear chain and its gradient: compiled on a CPU, in PyTorch on any other device.

There is no padding. PyTorch's loop runs over the words in time order (see ``Steps``), so each step works on the
sentences that still run.
"""

from __future__ import annotations

from typing import Any, NamedTuple, cast

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import FunctionCtx

from tagsmith.batching import Steps, time_steps
from tagsmith.ops.chain import compiled as kernels
from tagsmith.ops.chain.types import Chain
from tagsmith.tensors import Ids


class TorchChain(NamedTuple):
    """The scores of the paths of a batch, as ``ops.chain.types.Chain``, in PyTorch."""

    emissions: Tensor
    transitions: Tensor
    start_transitions: Tensor
    end_transitions: Tensor


def nll(chain: TorchChain, tags: Tensor, lengths: Ids) -> Tensor:
    """Return the negative log-likelihood of the tags over all sequences, summed over the sentences.

    Shape: tags [N], in the order of the batch, lengths [B] -> [].
    """
    if tags.device.type == "cpu":
        return cast(Tensor, CompiledNll.apply(*chain, tags, lengths))
    steps = time_steps(lengths)
    return cast(Tensor, LogPartition.apply(*chain, steps)) - path_score(*chain, tags, steps)


class CompiledNll(Function):
    """``nll`` on a CPU. One kernel call computes the value and the gradient, which is kept for backward.

    Shape: emissions [N, K], transitions [K, K] or [N, K, K], start and end [K], tags [N], lengths [B] -> [].
    """

    @staticmethod
    def forward(
        ctx: FunctionCtx,
        emissions: Tensor,
        transitions: Tensor,
        start: Tensor,
        end: Tensor,
        tags: Tensor,
        lengths: Ids,
    ) -> Tensor:
        scores = (scores.detach().numpy() for scores in (emissions, transitions, start, end))
        value, gradient = kernels.nll(Chain(*scores), tags.numpy(), lengths)
        ctx.save_for_backward(*map(torch.from_numpy, gradient))
        return emissions.new_tensor(value)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        (grad,) = grad_outputs
        return *(grad * gradient for gradient in ctx.saved_tensors), None, None


class LogPartition(Function):
    """The log of the sum of exp(score) over all paths, summed over the batch.

    Its gradient is the marginals. The backward pass over a chain is the forward pass over the reversed chain with
    transposed transitions. So one loop does both, and the gradient needs no loop.

    Shape: emissions [N, K] in the order of the batch, transitions [K, K] (from, to) or, per word, the scores of
    the step into it [N, K, K], start and end [K] -> []. The entry of a sentence's first word is not read.
    """

    @staticmethod
    def forward(
        ctx: FunctionCtx, emissions: Tensor, transitions: Tensor, start: Tensor, end: Tensor, steps: Steps
    ) -> Tensor:
        order = torch.from_numpy(steps.order).to(emissions.device)
        both = emissions[order]
        into = _into_places(transitions, order)
        reached = torch.empty_like(both)  # alpha, and beta plus the emission
        now = both.new_empty(2, 0, 0)
        for t, (step, count) in enumerate(zip(steps.slices(), steps.counts, strict=True)):
            if t == 0:
                now = torch.stack([start, end])[:, None] + both[:, step]
            else:
                through = now[:, :count, :, None] + into[:, step]
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
        # Normalised per word: against log_z in float32, long sentences would lose all precision.
        marginals = (forwards + backwards - emissions).softmax(1)
        ends = torch.zeros(len(emissions), dtype=torch.bool, device=emissions.device)
        ends[last] = True
        (before,) = torch.nonzero(~ends, as_tuple=True)  # words with a successor in their sentence
        into_next = transitions[before + 1] if transitions.ndim == 3 else transitions
        scores = forwards[before, :, None] + into_next + backwards[before + 1, None, :]
        pairs = scores.flatten(1).softmax(1).view_as(scores)
        if transitions.ndim == 3:
            grad_transitions = torch.zeros_like(transitions).index_copy_(0, before + 1, pairs)
        else:
            grad_transitions = pairs.sum(0)
        return (
            grad * marginals,
            grad * grad_transitions,
            grad * marginals[first].sum(0),
            grad * marginals[last].sum(0),
            None,
        )


def path_score(
    emissions: Tensor, transitions: Tensor, start: Tensor, end: Tensor, tags: Tensor, steps: Steps
) -> Tensor:
    """Return the scores of the given paths, summed over the batch.

    Shape: emissions [N, K] and tags [N] in the order of the batch, transitions [K, K] (from, to) or [N, K, K] as in
    ``LogPartition``, start and end [K] -> [].
    """
    first, last = torch.from_numpy(steps.order[:, : steps.counts[0]]).to(emissions.device)
    ends = torch.zeros(len(tags), dtype=torch.bool, device=emissions.device)
    ends[last] = True
    (before,) = torch.nonzero(~ends, as_tuple=True)
    pair = tags[before], tags[before + 1]
    return (
        emissions.gather(1, tags[:, None]).sum()
        + transitions[(before + 1, *pair) if transitions.ndim == 3 else pair].sum()
        + start[tags[first]].sum()
        + end[tags[last]].sum()
    )


def _into_places(transitions: Tensor, order: Tensor) -> Tensor:
    """Return the scores of the step into each position in time order, forwards and backwards: [2, N, K, K]."""
    if transitions.ndim == 2:
        return torch.stack([transitions, transitions.T])[:, None].expand(-1, order.shape[1], -1, -1)
    # Backwards, a word is reached from its successor, whose entry has the step between them.
    after = (order[1] + 1).clamp(max=len(transitions) - 1)
    return torch.stack([transitions[order[0]], transitions[after].transpose(1, 2)])
