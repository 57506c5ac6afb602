"""The loss of a linear chain, with its gradient: by the compiled kernel on a CPU, in PyTorch on any other device.

No padding: PyTorch's loop goes through the words in order of time (see ``Steps``), so each step works on the sentences
that still run.
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
    """What the paths of a batch score, as ``ops.chain.reference.TorchChain`` has it, in PyTorch."""

    emissions: Tensor
    transitions: Tensor
    start_transitions: Tensor
    end_transitions: Tensor


def nll(chain: TorchChain, tags: Tensor, lengths: Ids) -> Tensor:
    """Sum over the sentences of the negative log-likelihood of their tags, over all tag sequences.

    Shape: tags [N], in the order of the batch, lengths [B] -> [].
    """
    if tags.device.type == "cpu":
        return cast(Tensor, CompiledNll.apply(*chain, tags, lengths))
    steps = time_steps(lengths)
    return cast(Tensor, LogPartition.apply(*chain, steps)) - path_score(*chain, tags, steps)


class CompiledNll(Function):
    """What ``nll`` says, on a CPU. One call of the kernel gives the value and the gradient, which waits for backward.

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
    """Sum over the batch of the log of the sum of exp(score) over all paths.

    Its gradient is the marginals. The backward pass over a chain is the forward pass over the chain read from its
    end, with the transitions turned round; so one loop does both, and the gradient needs no loop at all.

    Shape: emissions [N, K] in the order of the batch, transitions [K, K] (from, to) or, for each word, the scores of
    coming to it [N, K, K], start and end [K] -> []. Nothing comes to the first word of a sentence: its row of
    transitions is not read.
    """

    @staticmethod
    def forward(
        ctx: FunctionCtx, emissions: Tensor, transitions: Tensor, start: Tensor, end: Tensor, steps: Steps
    ) -> Tensor:
        order = torch.from_numpy(steps.order).to(emissions.device)
        both = emissions[order]
        into = _into_places(transitions, order)
        reached = torch.empty_like(both)  # alpha, and beta with its place's emission added
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
        # Normalised word by word: against log_z, which float32 rounds, long sentences would lose all precision.
        marginals = (forwards + backwards - emissions).softmax(1)
        ends = torch.zeros(len(emissions), dtype=torch.bool, device=emissions.device)
        ends[last] = True
        (before,) = torch.nonzero(~ends, as_tuple=True)  # words followed by another of their sentence
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
    """Sum over the batch of the scores of the given paths.

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
    """Return the scores of stepping into each place of the order of time, reading forwards and backwards: [2, N, K, K]."""
    if transitions.ndim == 2:
        return torch.stack([transitions, transitions.T])[:, None].expand(-1, order.shape[1], -1, -1)
    # Read backwards, a word is reached from the one after it, whose row has the step between them.
    after = (order[1] + 1).clamp(max=len(transitions) - 1)
    return torch.stack([transitions[order[0]], transitions[after].transpose(1, 2)])
