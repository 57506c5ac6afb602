"""The linear chain in plain NumPy, written to be read. Every faster kernel is compared with it.

All functions take and return arrays. Letters: B sentences, N words, K tags, S spans.
"""

from __future__ import annotations

import itertools

import numpy as np

from tagsmith.batching import Steps, time_steps
from tagsmith.ops.chain.types import Allowed, Chain, Posteriors, SpanArrays, SpanReading
from tagsmith.tensors import Floats, Ids


def viterbi(chain: Chain, allowed: Allowed, lengths: Ids) -> Ids:
    """Return the tag ids of each sentence's best path; of equal paths, the one with the lower ids at its end.

    Computed in float64, since over thousands of words the rounding of float32 would pick another path. At least one
    path
    must be allowed.

    Shape: lengths [B] -> [N], in the order of the batch.
    """
    time = time_steps(lengths)
    emissions, transitions, start_transitions, end_transitions = _in_time(chain, allowed, time)
    steps, counts = time.slices(), time.counts
    into = _at_each_word(np.ascontiguousarray(np.swapaxes(transitions, -1, -2)), emissions)  # [N, to, from]
    best_before = np.zeros(emissions.shape, np.int64)
    score = start_transitions + emissions[steps[0]]
    last = np.empty(counts[0], np.int64)
    for t, step in enumerate(steps):
        if t > 0:
            through = score[: counts[t], None, :] + into[step]  # [B, to, from]
            best_before[step] = through.argmax(-1)
            score = np.take_along_axis(through, best_before[step][..., None], -1)[..., 0] + emissions[step]
        running = counts[t + 1] if t + 1 < len(counts) else 0
        last[running : counts[t]] = (score[running:] + end_transitions).argmax(-1)
    path = np.empty(len(emissions), np.int64)
    tag = last
    for t in reversed(range(len(counts))):
        path[time.order[0, steps[t]]] = tag[: counts[t]]
        if t > 0:
            tag[: counts[t]] = best_before[steps[t]][np.arange(counts[t]), tag[: counts[t]]]
    return path


def forward_backward(chain: Chain, allowed: Allowed, lengths: Ids) -> tuple[Floats, Floats]:
    """Return the log-sums over the paths up to each tag of each word, with its emission, and over the paths after it.

    The log-partition is logsumexp(alphas + betas) at any word of a sentence. The marginals of a word are the softmax
    of its alphas + betas.

    Shape: as ``viterbi`` -> alphas [N, K], betas [N, K], float64, in the order of the batch.
    """
    time = time_steps(lengths)
    emissions, transitions, start_transitions, end_transitions = _in_time(chain, allowed, time)
    steps = time.slices()
    into = _at_each_word(transitions, emissions)  # [N, from, to]
    alphas, betas = np.empty_like(emissions), np.empty_like(emissions)
    alphas[steps[0]] = start_transitions + emissions[steps[0]]
    for before, step in itertools.pairwise(steps):
        running = step.stop - step.start
        through = alphas[before][:running, :, None] + into[step]
        alphas[step] = np.logaddexp.reduce(through, axis=1) + emissions[step]
    betas[:] = end_transitions
    for step, after in reversed(list(itertools.pairwise(steps))):
        running = after.stop - after.start
        through = into[after] + (emissions[after] + betas[after])[:, None, :]
        betas[step][:running] = np.logaddexp.reduce(through, axis=2)
    back = time.order[0].argsort()  # the position in time of each word of the batch
    return alphas[back], betas[back]


def marginals(chain: Chain, allowed: Allowed, lengths: Ids) -> Floats:
    """Return the probability of every tag at every word, over the allowed paths. Shape: [N, K], float64."""
    alphas, betas = forward_backward(chain, allowed, lengths)
    return softmax(alphas + betas)


def log_partition(chain: Chain, allowed: Allowed, lengths: Ids) -> Floats:
    """Return the log of the sum of exp(score) over the allowed paths of each sentence. Shape: [B], float64."""
    alphas, betas = forward_backward(chain, allowed, lengths)
    return log_totals(alphas, betas, lengths)


def log_totals(alphas: Floats, betas: Floats, lengths: Ids) -> Floats:
    """Return the log-partitions, from the alphas and betas of last words. Shape: [N, K], [N, K], lengths [B] -> [B]."""
    last = np.cumsum(lengths) - 1
    return np.logaddexp.reduce(alphas[last] + betas[last], axis=1)


def path_scores(chain: Chain, allowed: Allowed, path: Ids, lengths: Ids) -> Floats:
    """Return the score of each sentence's path, -inf if not allowed. Shape: path [N], lengths [B] -> [B], float64."""
    last = np.cumsum(lengths) - 1
    first = last - lengths + 1
    scores = chain.emissions[np.arange(len(path)), path].astype(np.float64)
    words = np.delete(np.arange(len(path)), first)  # those that come after another
    step = path[words - 1], path[words]
    into = chain.transitions[(words, *step) if chain.transitions.ndim == 3 else step]
    scores[words] += np.where(allowed.step[step], into, -np.inf)
    scores[first] += np.where(allowed.start, chain.start_transitions, -np.inf)[path[first]]
    scores[last] += np.where(allowed.end, chain.end_transitions, -np.inf)[path[last]]
    return np.add.reduceat(scores, first)


def spans_of(path: Ids, reading: SpanReading, lengths: Ids) -> SpanArrays:
    """Return the spans of the paths, in order. Shape: path [N], lengths [B] -> [S] each."""
    inside = reading.label[path] >= 0
    continues = np.zeros(len(path) + 1, bool)  # whether a word continues the span of the word before it
    continues[1:-1] = reading.continues[path[:-1], path[1:]]
    continues[np.cumsum(lengths)] = False
    starts = np.flatnonzero(inside & ~continues[:-1])
    ends = np.flatnonzero(inside & ~continues[1:]) + 1
    return SpanArrays(starts, ends, reading.label[path[starts]], np.repeat(np.arange(len(lengths)), lengths)[starts])


def posteriors(chain: Chain, allowed: Allowed, reading: SpanReading, path: Ids, lengths: Ids) -> Posteriors:
    """Return the probabilities of paths, their tags and their spans, over the allowed paths. Shape: path [N], lengths
    [B].
    """
    alphas, betas = forward_backward(chain, allowed, lengths)
    totals, spans = log_totals(alphas, betas, lengths), spans_of(path, reading, lengths)
    masses = span_masses(chain, allowed, reading, spans, alphas, betas, lengths)
    return Posteriors(
        softmax(alphas + betas)[np.arange(len(path)), path],
        np.exp(np.minimum(masses - totals[spans.sentence], 0)),
        np.minimum(path_scores(chain, allowed, path, lengths) - totals, 0),
        spans,
    )


def span_masses(
    chain: Chain, allowed: Allowed, reading: SpanReading, spans: SpanArrays, alphas: Floats, betas: Floats, lengths: Ids
) -> Floats:
    """Return the log-sum over the paths that contain each span: exactly these words, with this label. Shape: [S].

    A step into the span that continues no earlier one, steps that continue it, and a step out that does not.
    """
    emissions, transitions, start_transitions, end_transitions = _masked(chain, allowed)
    into = _at_each_word(transitions, emissions)  # [N, from, to]
    continues = np.where(reading.continues, 0.0, -np.inf)
    breaks = np.where(reading.continues, -np.inf, 0.0)
    ends = np.cumsum(lengths)
    masses = np.empty(len(spans.starts))
    for i, (start, end, label, sentence) in enumerate(zip(*spans, strict=True)):
        if start == ends[sentence] - lengths[sentence]:
            reached = start_transitions
        else:
            reached = np.logaddexp.reduce(alphas[start - 1][:, None] + into[start] + breaks, axis=0)
        reached = np.where(reading.label == label, reached + emissions[start], -np.inf)
        for word in range(start + 1, end):
            reached = np.logaddexp.reduce(reached[:, None] + into[word] + continues, axis=0) + emissions[word]
        if end == ends[sentence]:
            left = reached + end_transitions
        else:
            left = (reached[:, None] + into[end] + breaks + emissions[end] + betas[end]).ravel()
        masses[i] = np.logaddexp.reduce(left)
    return masses


def k_best(chain: Chain, allowed: Allowed, lengths: Ids, k: int) -> list[tuple[Ids, Floats]]:
    """Return each sentence's k best allowed paths and their scores, best first; all of them if there are fewer.

    Of equal paths, the one with the lower ids at its end comes first. The first path is that of ``viterbi``.

    Shape: lengths [B] -> for each sentence paths [R, n] and scores [R], float64, with R <= k.
    """
    emissions, transitions, start_transitions, end_transitions = _masked(chain, allowed)
    into = np.swapaxes(_at_each_word(transitions, emissions), 1, 2)  # [N, to, from]
    words = [slice(end - length, end) for end, length in zip(np.cumsum(lengths), lengths, strict=True)]
    return [_k_best(emissions[one], into[one], start_transitions, end_transitions, k) for one in words]


def _k_best(emissions: Floats, into: Floats, start: Floats, end: Floats, k: int) -> tuple[Ids, Floats]:
    """Return the k best paths of one sentence. Each tag of a word keeps its k best prefixes, ranked along the last
    axis.
    """
    scores = (start + emissions[0])[:, None]  # [K, ranks]
    ways = []  # for each tag and rank of a word: its best predecessor among those of the word before
    for word in range(1, len(emissions)):
        through = (scores + into[word][:, :, None]).reshape(len(start), -1)  # [to, from and rank]
        best = (-through).argsort(axis=1, kind="stable")[:, :k].copy()  # without the rest, which a view would keep
        ways.append((best, scores.shape[1]))
        scores = np.take_along_axis(through, best, 1) + emissions[word][:, None]
    through = (scores + end[:, None]).ravel()
    best = (-through).argsort(kind="stable")[:k]
    best = best[through[best] > -np.inf]
    tags, ranks = np.divmod(best, scores.shape[1])
    path = [tags]
    for way, count in reversed(ways):
        tags, ranks = np.divmod(way[tags, ranks], count)
        path.append(tags)
    return np.stack(path[::-1], axis=1), through[best]


def softmax(scores: Floats) -> Floats:
    """Return exp(scores) with each row scaled to a sum of 1. Each row needs a finite score."""
    powers = np.exp(scores - scores.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def _masked(chain: Chain, allowed: Allowed) -> Chain:
    """Return the chain in float64, with forbidden steps at -inf."""
    return Chain(
        chain.emissions.astype(np.float64),
        np.where(allowed.step, chain.transitions.astype(np.float64), -np.inf),
        np.where(allowed.start, chain.start_transitions, -np.inf),
        np.where(allowed.end, chain.end_transitions, -np.inf),
    )


def _in_time(chain: Chain, allowed: Allowed, time: Steps) -> Chain:
    """Return the masked chain with words in time order."""
    emissions, transitions, *ends = _masked(chain, allowed)
    order = time.order[0]
    return Chain(emissions[order], transitions if transitions.ndim == 2 else transitions[order], *ends)


def _at_each_word(transitions: Floats, emissions: Floats) -> Floats:
    """Return the transitions into each word, [N, K, K], from one matrix per word or one for all."""
    return np.broadcast_to(transitions, (len(emissions), *transitions.shape[-2:]))
