# pyright: reportCallIssue=false, reportGeneralTypeIssues=false, reportArgumentType=false
# (Triton reads the kernels below, not Python.)
"""The linear chain on a GPU, in Triton: log-partition with its gradient, marginals, and the best path.

One program goes through one sentence, its K tags side by side. All functions take S runs at once (the same
sentences or others, with weights of their own) and ragged sentences: sentence b of run s is the words
``starts[s, b]`` to ``starts[s, b] + lengths[s, b]``; a length of 0 is no sentence, and words in no sentence are
never read. Transitions are shared by all words [S, K, K], or each word's own [S, N, K, K] (its row for the word
before it; a first word's is not used).

The plain references are ``tagsmith.ops.chain.on_torch`` and ``tagsmith.ops.chain.reference``.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import FunctionCtx


@triton.jit
def _log_sum_exp(scores, axis: tl.constexpr):
    high = tl.max(scores, axis)
    high = tl.where(high == float("-inf"), 0.0, high)
    return high + _log(tl.sum(tl.exp(scores - tl.expand_dims(high, axis)), axis))


@triton.jit
def _log(x):
    return tl.where(x == 0.0, float("-inf"), tl.log(tl.where(x == 0.0, 1.0, x)))


@triton.jit
def _softmax(scores):
    weights = tl.exp(scores - tl.max(scores, 0))
    return weights / tl.sum(weights, 0)


@triton.jit
def _sum_paths(
    emissions,
    transitions,
    start,
    end,
    starts,
    lengths,
    tags,
    reached,
    sums,
    grad_emissions,
    grad_transitions,
    grad_ends,
    run_stride,
    start_stride,
    end_stride,
    words,
    K: tl.constexpr,
    WIDE: tl.constexpr,
    BIGRAM: tl.constexpr,
    GOLD: tl.constexpr,
    GRADIENT: tl.constexpr,
):
    """log Z of a sentence (less the score of its gold path, with GOLD) and the gradient: marginals (less gold)."""
    sentence = tl.program_id(0).to(tl.int64)
    run = tl.program_id(1).to(tl.int64)
    slot = run * tl.num_programs(0) + sentence
    first = run * words + tl.load(starts + slot)
    length = tl.load(lengths + slot)
    tag = tl.arange(0, WIDE)
    real = tag < K
    pair = tag[:, None] * K + tag[None, :]  # from, to
    real_pair = real[:, None] & real[None, :]
    none = float("-inf")
    if length == 0:
        tl.store(sums + slot, 0.0)
        if GRADIENT:
            tl.store(grad_ends + (slot * 2) * K + tag, 0.0, real)
            tl.store(grad_ends + (slot * 2 + 1) * K + tag, 0.0, real)
            if not BIGRAM:
                tl.store(grad_transitions + slot * K * K + pair, 0.0, real_pair)
        return

    begin = tl.load(start + run * start_stride + tag, real, none)
    finish = tl.load(end + run * end_stride + tag, real, none)
    table = transitions + run * run_stride  # of one word after another, with BIGRAM
    step = tl.load(table + pair, real_pair, none)
    now = begin + tl.load(emissions + first * K + tag, real, none)
    for t in range(1, length):
        if GRADIENT:
            tl.store(reached + (first + t - 1) * K + tag, now, real)
        if BIGRAM:
            step = tl.load(transitions + (first + t) * K * K + pair, real_pair, none)
        now = _log_sum_exp(now[:, None] + step, 0) + tl.load(emissions + (first + t) * K + tag, real, none)
    result = _log_sum_exp(now + finish, 0)

    if GOLD:
        gold = tl.load(tags + first)
        result -= tl.load(start + run * start_stride + gold) + tl.load(emissions + first * K + gold)
        for t in range(1, length):
            to = tl.load(tags + first + t)
            row = table if not BIGRAM else transitions + (first + t) * K * K
            result -= tl.load(row + gold * K + to) + tl.load(emissions + (first + t) * K + to)
            gold = to
        result -= tl.load(end + run * end_stride + gold)
    tl.store(sums + slot, result)

    if GRADIENT:
        # Normalised word by word: against log Z, which float32 rounds, long sentences would lose all precision.
        tl.debug_barrier()
        after = finish
        unary = _softmax(now + after)
        to = 0
        if GOLD:
            to = tl.load(tags + first + length - 1)
            unary -= tl.where(tag == to, 1.0, 0.0)
        tl.store(grad_emissions + (first + length - 1) * K + tag, unary, real)
        tl.store(grad_ends + (slot * 2 + 1) * K + tag, unary, real)
        pairs = tl.zeros([WIDE, WIDE], now.dtype)
        for back in range(1, length):
            t = length - back  # from word t - 1 to word t
            if BIGRAM:
                step = tl.load(transitions + (first + t) * K * K + pair, real_pair, none)
            tail = after + tl.load(emissions + (first + t) * K + tag, real, none)
            through = step + tail[None, :]
            high = tl.max(through, 1)
            high = tl.where(high == none, 0.0, high)
            weights = tl.exp(through - high[:, None])
            total = tl.sum(weights, 1)
            after = high + _log(total)
            unary = _softmax(tl.load(reached + (first + t - 1) * K + tag, real, none) + after)
            both = weights * (unary / tl.where(total == 0.0, 1.0, total))[:, None]
            if GOLD:
                gold = tl.load(tags + first + t - 1)
                unary -= tl.where(tag == gold, 1.0, 0.0)
                both -= tl.where((tag[:, None] == gold) & (tag[None, :] == to), 1.0, 0.0)
                to = gold
            tl.store(grad_emissions + (first + t - 1) * K + tag, unary, real)
            if BIGRAM:
                tl.store(grad_transitions + (first + t) * K * K + pair, both, real_pair)
            else:
                pairs += both
        tl.store(grad_ends + (slot * 2) * K + tag, unary, real)
        if not BIGRAM:
            tl.store(grad_transitions + slot * K * K + pair, pairs, real_pair)


@triton.jit
def _best_path(
    emissions,
    transitions,
    start,
    end,
    starts,
    lengths,
    before,
    path,
    run_stride,
    start_stride,
    end_stride,
    words,
    K: tl.constexpr,
    WIDE: tl.constexpr,
    BIGRAM: tl.constexpr,
):
    sentence = tl.program_id(0).to(tl.int64)
    run = tl.program_id(1).to(tl.int64)
    slot = run * tl.num_programs(0) + sentence
    first = run * words + tl.load(starts + slot)
    length = tl.load(lengths + slot)
    if length == 0:
        return
    tag = tl.arange(0, WIDE)
    real = tag < K
    pair = tag[:, None] * K + tag[None, :]
    real_pair = real[:, None] & real[None, :]
    none = float("-inf")
    finish = tl.load(end + run * end_stride + tag, real, none)
    step = tl.load(transitions + run * run_stride + pair, real_pair, none)
    score = tl.load(start + run * start_stride + tag, real, none) + tl.load(emissions + first * K + tag, real, none)
    for t in range(1, length):
        if BIGRAM:
            step = tl.load(transitions + (first + t) * K * K + pair, real_pair, none)
        through = score[:, None] + step
        tl.store(before + (first + t) * K + tag, tl.argmax(through, 0), real)
        score = tl.max(through, 0) + tl.load(emissions + (first + t) * K + tag, real, none)
    best = tl.argmax(score + finish, 0)
    tl.store(path + first + length - 1, best)
    tl.debug_barrier()
    for back in range(1, length):
        t = length - back
        best = tl.load(before + (first + t) * K + best)
        tl.store(path + first + t - 1, best)


class ChainSum(Function):
    """The log-partition of every sentence, less the score of its gold path where ``tags`` are given.

    Shape: emissions [S, N, K], transitions [S, K, K] (from, to) or [S, N, K, K], start and end [S, K], starts and
    lengths [S, B], tags [S, N] -> [S, B].
    """

    @staticmethod
    def forward(
        ctx: FunctionCtx,
        emissions: Tensor,
        transitions: Tensor,
        start: Tensor,
        end: Tensor,
        starts: Tensor,
        lengths: Tensor,
        tags: Tensor | None,
    ) -> Tensor:
        runs, words, count = emissions.shape
        sentences = starts.shape[1]
        bigram = transitions.dim() == 4
        gradient = any(ctx.needs_input_grad[:4])  # type: ignore[attr-defined]
        sums = emissions.new_empty(runs, sentences)
        scratch = emissions.new_empty if gradient else lambda *_: emissions
        zeros = torch.zeros_like if gradient else lambda x: x
        grad_emissions = zeros(emissions)
        grad_transitions = zeros(transitions) if bigram else scratch(runs, sentences, count, count)
        grad_ends = scratch(runs, sentences, 2, count)
        _sum_paths[(sentences, runs)](
            emissions.contiguous(),
            transitions.contiguous() if bigram else _inner(transitions),
            _inner(start),
            _inner(end),
            starts,
            lengths,
            starts if tags is None else tags,
            scratch(runs, words, count),
            sums,
            grad_emissions,
            grad_transitions,
            grad_ends,
            0 if bigram else transitions.stride(0),
            start.stride(0),
            end.stride(0),
            words,
            count,
            triton.next_power_of_2(count),
            bigram,
            tags is not None,
            gradient,
            num_warps=_warps(count),
        )
        ctx.bigram = bigram  # type: ignore[attr-defined]
        ctx.save_for_backward(grad_emissions, grad_transitions, grad_ends, starts, lengths)
        return sums

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        (grad,) = grad_outputs  # [S, B]
        grad_emissions, grad_transitions, grad_ends, starts, lengths = ctx.saved_tensors
        of_word = _spread(grad, starts, lengths, grad_emissions.shape[1])
        if ctx.bigram:
            grad_transitions = grad_transitions * of_word[..., None, None]
        else:
            grad_transitions = torch.einsum("sb,sbij->sij", grad, grad_transitions)
        ends = torch.einsum("sb,sbek->esk", grad, grad_ends)
        return grad_emissions * of_word[..., None], grad_transitions, ends[0], ends[1], None, None, None


def log_partition(
    emissions: Tensor, transitions: Tensor, start: Tensor, end: Tensor, starts: Tensor, lengths: Tensor
) -> Tensor:
    """Return log of the sum of exp(score) over all paths of every sentence. Shapes as ``ChainSum`` -> [S, B]."""
    return ChainSum.apply(emissions, transitions, start, end, starts, lengths, None)  # type: ignore[return-value]


def nll(
    emissions: Tensor,
    transitions: Tensor,
    start: Tensor,
    end: Tensor,
    starts: Tensor,
    lengths: Tensor,
    tags: Tensor,
) -> Tensor:
    """Negative log-likelihood of every sentence's tags. Shapes as ``ChainSum`` -> [S, B]."""
    return ChainSum.apply(emissions, transitions, start, end, starts, lengths, tags)  # type: ignore[return-value]


def marginals(
    emissions: Tensor, transitions: Tensor, start: Tensor, end: Tensor, starts: Tensor, lengths: Tensor
) -> Tensor:
    """Return probability of every tag at every word, 0 at words in no sentence. Shapes as ``ChainSum`` -> [S, N, K]."""
    with torch.enable_grad():
        scores = emissions.detach().requires_grad_()
        total = log_partition(scores, transitions.detach(), start.detach(), end.detach(), starts, lengths).sum()
        return torch.autograd.grad(total, scores)[0]


def viterbi(
    emissions: Tensor, transitions: Tensor, start: Tensor, end: Tensor, starts: Tensor, lengths: Tensor
) -> Tensor:
    """Return tag ids of every sentence's best path; of equal paths, the one with the lower ids at its end.

    A step that is not allowed has the score -inf; some path must be allowed. Words in no sentence get 0.

    Shape: as ``ChainSum`` -> [S, N], int32.
    """
    runs, words, count = emissions.shape
    bigram = transitions.dim() == 4
    path = torch.zeros(runs, words, dtype=torch.int32, device=emissions.device)
    before = torch.empty(runs, words, count, dtype=torch.int32, device=emissions.device)
    _best_path[(starts.shape[1], runs)](
        emissions.contiguous(),
        transitions.contiguous() if bigram else _inner(transitions),
        _inner(start),
        _inner(end),
        starts,
        lengths,
        before,
        path,
        0 if bigram else transitions.stride(0),
        start.stride(0),
        end.stride(0),
        words,
        count,
        triton.next_power_of_2(count),
        bigram,
        num_warps=_warps(count),
    )
    return path


def _warps(tags: int) -> int:
    return 1 if tags <= 32 else 4


def _inner(weights: Tensor) -> Tensor:
    """Weights whose runs may lie apart, but each in one piece."""
    return weights if weights[0].is_contiguous() else weights.contiguous()


def _spread(values: Tensor, starts: Tensor, lengths: Tensor, words: int) -> Tensor:
    """Return each sentence's value at its words, 0 elsewhere. Shape: [S, B] -> [S, N]."""
    word = torch.arange(words, device=values.device)
    inside = (word >= starts[..., None]) & (word < (starts + lengths)[..., None])  # [S, B, N]
    return torch.einsum("sb,sbn->sn", values, inside.to(values.dtype))
