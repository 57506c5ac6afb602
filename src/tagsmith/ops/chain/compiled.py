"""The linear chain in compiled code: Viterbi, marginals, posteriors, the nll and its gradient.

Each sentence is computed on its own, from its own words, in float64: its answers are the same, to the bit, whatever
batch it stands in. Scores may be float32 or float64. Inside, a row of K scores is widened to whole vectors, -inf in
the places beyond.

Sums over paths are kept as logs; a step is one product, log(exp(alpha) · exp(transitions)), maxima taken out before.
What is lost where an exp comes to 0 is less than 1e-300. So a sum of at least ``_SAFE`` misses nothing; where one is
less, and be it 0, it is made again from the logs alone.
"""

from __future__ import annotations

import numpy as np
from numba.extending import register_jitable

from tagsmith.ops.chain.reference import log_totals, path_scores, spans_of
from tagsmith.ops.chain.rows import fill, highest_of, room, share, softmax, take_maximum, turn, write, write_row
from tagsmith.ops.chain.span_masses import span_masses
from tagsmith.ops.chain.types import Allowed, Chain, Posteriors, SpanReading
from tagsmith.ops.simd.compiling import kernel
from tagsmith.ops.simd.lanes import LANES, exp, highest, load, log, maximum, multiply_add, spread, store
from tagsmith.tensors import Bools, Floats, Ids

_SAFE, _LOG_SAFE = 1e-260, -598.0


def viterbi(chain: Chain, allowed: Allowed, lengths: Ids) -> Ids:
    """Tag ids of each sentence's path of highest score, those of ``reference.viterbi``. Shape: [N]."""
    path = np.empty(len(chain.emissions), np.int64)
    _viterbi(*_plain(chain, allowed), allowed.step, lengths, path)
    return path


def marginals(chain: Chain, allowed: Allowed, lengths: Ids) -> Floats:
    """Probability of every tag at every word, those of ``reference.marginals``. Shape: [N, K], float64."""
    scores, used = _plain(chain, allowed), np.empty(chain.emissions.shape)
    _expect(*scores, allowed.step, lengths, used, scores[1][:0], used[:0], used[:0])
    return used


def posteriors(chain: Chain, allowed: Allowed, reading: SpanReading, path: Ids, lengths: Ids) -> Posteriors:
    """How probable paths, their tags and their spans are, as ``reference.posteriors``. Shape: path [N], lengths [B]."""
    scores = _plain(chain, allowed)
    used, alphas, betas = (np.empty(chain.emissions.shape) for _ in range(3))
    _expect(*scores, allowed.step, lengths, used, scores[1][:0], alphas, betas)
    totals, spans = log_totals(alphas, betas, lengths), spans_of(path, reading, lengths)
    masses = np.empty(len(spans.starts))
    span_masses(*scores, allowed.step, *reading, *spans, alphas, betas, np.cumsum(lengths) - lengths, masses)
    return Posteriors(
        used[np.arange(len(path)), path],
        np.exp(np.minimum(masses - totals[spans.sentence], 0)),
        np.minimum(path_scores(chain, allowed, path, lengths) - totals, 0),
        spans,
    )


def nll(chain: Chain, tags: Ids, lengths: Ids) -> tuple[float, Chain]:
    """Sum over the sentences of the negative log-likelihood of their tags, over all paths; and its gradient.

    The gradient of a log-partition is the marginals, that of a path's score is the path.

    Shape: tags [N] -> [], and what the scores of the chain have.
    """
    allowed = Allowed.all(chain.emissions.shape[1])
    scores = _plain(chain, allowed)
    used, pairs = np.empty(chain.emissions.shape, np.float64), np.zeros_like(scores[1])
    log_partition = _expect(*scores, allowed.step, lengths, used, pairs, used[:0], used[:0])
    score = _take_path(*scores, tags, lengths, used, pairs)
    last = np.cumsum(lengths) - 1
    first = last - lengths + 1
    gradient = used, pairs.reshape(chain.transitions.shape), used[first].sum(0), used[last].sum(0)
    return log_partition - score, Chain(*(g.astype(scores[0].dtype, copy=False) for g in gradient))


def _plain(chain: Chain, allowed: Allowed) -> tuple[Floats, Floats, Floats, Floats]:
    """The chain as the kernels take it: arrays in one piece, transitions [1 or N, K, K], start and end as allowed."""
    emissions, transitions = (
        scores if scores.flags.carray else scores.copy() for scores in (chain.emissions, chain.transitions)
    )
    start = np.where(allowed.start, chain.start_transitions, -np.inf)
    end = np.where(allowed.end, chain.end_transitions, -np.inf)
    return emissions, transitions.reshape(-1, *transitions.shape[-2:]), start, end


@kernel
def _viterbi(
    emissions: Floats, transitions: Floats, start: Floats, end: Floats, allowed: Bools, lengths: Ids, path: Ids
) -> None:
    """The best paths. The way back is not written down on the way forth: the scores kept tell it."""
    tags, per_word = emissions.shape[1], len(transitions) > 1
    scores, steps = room(lengths.max(), tags), room(tags, tags)
    _lay_out(transitions[0], allowed, steps)
    after = 0
    for length in lengths:
        first, after = after, after + length
        for k in range(tags):
            scores[0, k] = np.float64(start[k]) + emissions[first, k]
        for t in range(1, length):
            if per_word:
                _lay_out(transitions[first + t], allowed, steps)
            _best(scores[t - 1], steps, tags, scores[t])
            for k in range(tags):
                scores[t, k] += emissions[first + t, k]
        for k in range(tags):
            scores[length - 1, k] += end[k]
        tag = _best_place(scores[length - 1], tags)
        path[after - 1] = tag
        for t in range(length - 2, -1, -1):
            step = transitions[first + t + 1 if per_word else 0]
            for k in range(tags):
                scores[t, k] += step[k, tag] if allowed[k, tag] else -np.inf
            tag = _best_place(scores[t], tags)
            path[first + t] = tag


@kernel
def _expect(
    emissions: Floats,
    transitions: Floats,
    start: Floats,
    end: Floats,
    allowed: Bools,
    lengths: Ids,
    used: Floats,
    pairs: Floats,
    alphas: Floats,
    betas: Floats,
) -> float:
    """The sum of the log-partitions. The marginals go into ``used``; those of each step into ``pairs``, if it has rows:
    word by word, or of all words together, as the transitions are; alphas and betas likewise, if those have rows."""
    tags, per_word = emissions.shape[1], len(transitions) > 1
    reached, powers = room(lengths.max(), tags), room(lengths.max(), tags)
    steps, matrix, turned, found = room(tags, tags), room(tags, tags), room(tags, tags), room(tags, tags)
    rows = room(5, tags)
    beta, ahead, power, sums, weights = rows[0], rows[1], rows[2], rows[3], rows[4]
    fill(turned, 0.0)
    fill(found, 0.0)
    top = _lay_out(transitions[0], allowed, steps)
    _weigh(steps, top, tags, matrix)
    turn(matrix, tags, turned)
    log_z = 0.0
    after = 0
    for length in lengths:
        first, after = after, after + length
        for k in range(tags):
            reached[0, k] = np.float64(start[k]) + emissions[first, k]
        scale = take_maximum(reached[0])  # which ``reached`` leaves out of the alphas of the word at hand
        if len(alphas) > 0:
            write_row(reached[0], scale, tags, alphas[first])
        for t in range(1, length):
            if per_word:
                top = _lay_out(transitions[first + t], allowed, steps)
                _weigh(steps, top, tags, matrix)
            if _step(reached[t - 1], matrix, tags, powers[t - 1], sums, reached[t]):
                _mend(reached[t - 1], steps.T, top, tags, reached[t])
            for k in range(tags):
                reached[t, k] += emissions[first + t, k]
            scale += take_maximum(reached[t]) + top
            if len(alphas) > 0:
                write_row(reached[t], scale, tags, alphas[first + t])
        for k in range(tags):
            beta[k] = end[k]
        log_z += scale + softmax(reached[length - 1], beta, weights)
        scale = 0.0  # which ``beta`` leaves out
        if len(betas) > 0:
            write_row(beta, scale, tags, betas[after - 1])
        for k in range(tags):
            used[after - 1, k] = weights[k]
        for t in range(length - 2, -1, -1):
            word = first + t + 1  # whose step from the word before is taken back
            if per_word:
                top = _lay_out(transitions[word], allowed, steps)
                _weigh(steps, top, tags, matrix)
                turn(matrix, tags, turned)
            for k in range(tags):
                ahead[k] = beta[k] + emissions[word, k]
            scale += take_maximum(ahead) + top
            if _step(ahead, turned, tags, power, sums, beta):
                _mend(ahead, steps, top, tags, beta)
            if len(betas) > 0:
                write_row(beta, scale, tags, betas[word - 1])
            weight = share(powers[t], sums, weights)
            if weight >= _SAFE:
                if len(pairs) > 0:
                    _add_pairs(powers[t], matrix, power, 1 / weight, tags, found)
            else:
                log_weight = softmax(reached[t], beta, weights) + top
                if len(pairs) > 0:
                    _add_pairs_of_logs(reached[t], steps, ahead, log_weight, tags, found)
            for k in range(tags):
                used[word - 1, k] = weights[k]
            if len(pairs) > 0 and per_word:
                write(found, tags, pairs[word])
                fill(found, 0.0)
    if len(pairs) > 0 and not per_word:
        write(found, tags, pairs[0])
    return log_z


@kernel
def _take_path(
    emissions: Floats,
    transitions: Floats,
    start: Floats,
    end: Floats,
    tags: Ids,
    lengths: Ids,
    used: Floats,
    pairs: Floats,
) -> float:
    """The sum of the scores of the sentences' paths; what they use is taken from ``used`` and ``pairs``."""
    total = 0.0
    after = 0
    for length in lengths:
        first, after = after, after + length
        total += np.float64(start[tags[first]]) + np.float64(end[tags[after - 1]])
        for word in range(first, after):
            total += np.float64(emissions[word, tags[word]])
            used[word, tags[word]] -= 1
        for word in range(first + 1, after):
            row = word if len(transitions) > 1 else 0
            total += np.float64(transitions[row, tags[word - 1], tags[word]])
            pairs[row, tags[word - 1], tags[word]] -= 1
    return total


@register_jitable
def _lay_out(transitions: Floats, allowed: Bools, steps: Floats) -> float:
    """The allowed transitions into ``steps``, -inf for the others; the highest of them, or 0 if none is finite."""
    for i in range(len(allowed)):
        for j in range(len(allowed)):
            steps[i, j] = transitions[i, j] if allowed[i, j] else -np.inf
    top = spread(-np.inf)
    for i in range(len(allowed)):
        for c in range(0, steps.shape[1], LANES):
            top = maximum(load(steps[i], c), top)
    return highest(top) if highest(top) > -np.inf else 0.0


@register_jitable
def _weigh(steps: Floats, top: float, tags: int, matrix: Floats) -> None:
    """matrix = exp(steps - top)."""
    for i in range(tags):
        for c in range(0, steps.shape[1], LANES):
            store(matrix[i], c, exp(load(steps[i], c) - spread(top)))


@register_jitable
def _best(scores: Floats, steps: Floats, tags: int, out: Floats) -> None:
    """out[j] = the maximum over i of scores[i] + steps[i, j]."""
    for c in range(0, len(out), LANES):
        best = spread(-np.inf)
        for i in range(tags):
            best = maximum(spread(scores[i]) + load(steps[i], c), best)
        store(out, c, best)


@register_jitable
def _best_place(scores: Floats, tags: int) -> int:
    """Where the highest score is; of equal ones, the first."""
    top = highest_of(scores)
    for k in range(tags):
        if scores[k] == top:
            return k
    return 0


@register_jitable
def _step(logs: Floats, matrix: Floats, tags: int, powers: Floats, sums: Floats, out: Floats) -> bool:
    """powers = exp(logs), sums = powers · matrix, out = log(sums); whether some sum may be wrong, being tiny."""
    for c in range(0, len(logs), LANES):
        store(powers, c, exp(load(logs, c)))
    for c in range(0, len(logs), LANES):
        product = spread(0.0)
        for i in range(tags):
            product = multiply_add(spread(powers[i]), load(matrix[i], c), product)
        store(sums, c, product)
        store(out, c, log(product))
    is_tiny = False
    for k in range(tags):
        is_tiny |= sums[k] < _SAFE
    return is_tiny


@register_jitable
def _mend(logs: Floats, steps: Floats, top: float, tags: int, out: Floats) -> None:
    """out[k] = log of the sum over i of exp(logs[i] + steps[k, i] - top), where it is tiny."""
    for k in range(tags):
        if out[k] < _LOG_SAFE:
            highest_of_all, found = -np.inf, 0.0
            for i in range(tags):
                highest_of_all = max(highest_of_all, logs[i] + steps[k, i])
            for i in range(tags):
                found += np.exp(logs[i] + steps[k, i] - highest_of_all)
            out[k] = highest_of_all + np.log(found) - top if highest_of_all > -np.inf else -np.inf


@register_jitable
def _add_pairs(before: Floats, matrix: Floats, after: Floats, scale: float, tags: int, found: Floats) -> None:
    """found[i, j] += before[i] * matrix[i, j] * after[j] * scale."""
    for i in range(tags):
        weight = spread(before[i] * scale)
        for c in range(0, len(after), LANES):
            pair = multiply_add(weight * load(matrix[i], c), load(after, c), load(found[i], c))
            store(found[i], c, pair)


@register_jitable
def _add_pairs_of_logs(
    before: Floats, steps: Floats, after: Floats, log_divisor: float, tags: int, found: Floats
) -> None:
    """found[i, j] += exp(before[i] + steps[i, j] + after[j] - log_divisor)."""
    for i in range(tags):
        for j in range(tags):
            found[i, j] += np.exp(before[i] + steps[i, j] + after[j] - log_divisor)
