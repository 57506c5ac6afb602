"""The linear chain in compiled code: Viterbi, marginals, posteriors, the nll and its gradient.

Each sentence is computed in float64 from its own words alone, so its results are bit-identical in any batch. Scores may
be float32 or float64. Inside, a row of K scores is padded to whole vectors with -inf.

Sums over paths are kept as logs. One step is a product, log(exp(alpha) · exp(transitions)), after subtracting the
maxima. An exp that underflows to 0 loses less than 1e-300. So a sum of at least ``_SAFE`` is exact; a smaller one, even
0, is computed again in log space.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba.extending import register_jitable

from tagsmith.ops.chain.reference import log_totals, path_scores, spans_of
from tagsmith.ops.chain.rows import (
    copy_matrix,
    copy_row,
    fill,
    normalize_product,
    padded,
    row_maximum,
    softmax,
    subtract_maximum,
    transpose,
)
from tagsmith.ops.chain.span_masses import span_masses
from tagsmith.ops.chain.types import Allowed, Chain, Posteriors, SpanReading
from tagsmith.ops.simd.compiling import kernel
from tagsmith.ops.simd.lanes import LANES, broadcast, exp, highest, load, log, maximum, multiply_add, store
from tagsmith.tensors import Bools, Floats, Ids

_SAFE, _LOG_SAFE = 1e-260, -598.0


def viterbi(chain: Chain, allowed: Allowed, lengths: Ids) -> Ids:
    """Return the tag ids of each sentence's best path, as ``reference.viterbi``. Shape: [N]."""
    path = np.empty(len(chain.emissions), np.int64)
    _viterbi(*_contiguous(chain, allowed), allowed.step, lengths, path)
    return path


def marginals(chain: Chain, allowed: Allowed, lengths: Ids) -> Floats:
    """Return the probability of every tag at every word, as ``reference.marginals``. Shape: [N, K], float64."""
    scores, probabilities = _contiguous(chain, allowed), np.empty(chain.emissions.shape)
    _forward_backward(
        *scores, allowed.step, lengths, probabilities, scores[1][:0], probabilities[:0], probabilities[:0]
    )
    return probabilities


def posteriors(chain: Chain, allowed: Allowed, reading: SpanReading, path: Ids, lengths: Ids) -> Posteriors:
    """Return the probabilities of paths, their tags and their spans, as ``reference.posteriors``.

    Shape: path [N], lengths [B].
    """
    scores = _contiguous(chain, allowed)
    probabilities, alphas, betas = (np.empty(chain.emissions.shape) for _ in range(3))
    _forward_backward(*scores, allowed.step, lengths, probabilities, scores[1][:0], alphas, betas)
    totals, spans = log_totals(alphas, betas, lengths), spans_of(path, reading, lengths)
    masses = np.empty(len(spans.starts))
    span_masses(*scores, allowed.step, *reading, *spans, alphas, betas, np.cumsum(lengths) - lengths, masses)
    return Posteriors(
        probabilities[np.arange(len(path)), path],
        np.exp(np.minimum(masses - totals[spans.sentence], 0)),
        np.minimum(path_scores(chain, allowed, path, lengths) - totals, 0),
        spans,
    )


def nll(chain: Chain, tags: Ids, lengths: Ids) -> tuple[float, Chain]:
    """Return the negative log-likelihood of the tags over all paths, summed over the sentences, and its gradient.

    The gradient of a log-partition is the marginals; that of a path's score is the path.

    Shape: tags [N] -> [], and the shapes of the chain's scores.
    """
    allowed = Allowed.all(chain.emissions.shape[1])
    scores = _contiguous(chain, allowed)
    words, pairs = np.empty(chain.emissions.shape, np.float64), np.zeros_like(scores[1])
    log_partition = _forward_backward(*scores, allowed.step, lengths, words, pairs, words[:0], words[:0])
    score = _subtract_path(*scores, tags, lengths, words, pairs)
    last = np.cumsum(lengths) - 1
    first = last - lengths + 1
    gradient = words, pairs.reshape(chain.transitions.shape), words[first].sum(0), words[last].sum(0)
    return log_partition - score, Chain(*(g.astype(scores[0].dtype, copy=False) for g in gradient))


def _contiguous(chain: Chain, allowed: Allowed) -> tuple[Floats, Floats, Floats, Floats]:
    """Return the scores as the kernels take them: contiguous, transitions [1 or N, K, K], start and end masked."""
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
    """Write the best paths. The forward scores are kept, so no back-pointers are needed."""
    tags, per_word = emissions.shape[1], len(transitions) > 1
    scores, steps = padded(lengths.max(), tags), padded(tags, tags)
    _mask_steps(transitions[0], allowed, steps)
    after = 0
    for length in lengths:
        first, after = after, after + length
        for k in range(tags):
            scores[0, k] = np.float64(start[k]) + emissions[first, k]
        for t in range(1, length):
            if per_word:
                _mask_steps(transitions[first + t], allowed, steps)
            _max_plus(scores[t - 1], steps, tags, scores[t])
            for k in range(tags):
                scores[t, k] += emissions[first + t, k]
        for k in range(tags):
            scores[length - 1, k] += end[k]
        tag = _argmax(scores[length - 1], tags)
        path[after - 1] = tag
        for t in range(length - 2, -1, -1):
            step = transitions[first + t + 1 if per_word else 0]
            for k in range(tags):
                scores[t, k] += step[k, tag] if allowed[k, tag] else -np.inf
            tag = _argmax(scores[t], tags)
            path[first + t] = tag


class _Workspace(NamedTuple):
    """Padded arrays that the passes over a sentence share."""

    forward: Floats
    """Alphas, each row less its maximum. Shape: [longest, K]."""
    powers: Floats
    """exp(forward). Shape: [longest, K]."""
    steps: Floats
    """Masked transitions into the current word. Shape: [K, K]."""
    matrix: Floats
    """exp(steps less their maximum). Shape: [K, K]."""
    transposed: Floats
    """Shape: [K, K]."""
    pairs: Floats
    """Marginals of steps, summed. Shape: [K, K]."""
    rows: Floats
    """Rows for beta, the score ahead, its exp, sums and weights. Shape: [5, K]."""


@kernel
def _forward_backward(
    emissions: Floats,
    transitions: Floats,
    start: Floats,
    end: Floats,
    allowed: Bools,
    lengths: Ids,
    marginals: Floats,
    pairs: Floats,
    alphas: Floats,
    betas: Floats,
) -> float:
    """Write the marginals and return the sum of the log-partitions.

    An empty array asks for nothing. ``pairs`` gets the marginals of steps, per word or summed over all words, in the
    shape of the transitions. ``alphas`` and ``betas`` get the log-sums over partial paths.
    """
    tags, per_word = emissions.shape[1], len(transitions) > 1
    needs_pairs, needs_sums = len(pairs) > 0, len(alphas) > 0
    space = _Workspace(
        padded(lengths.max(), tags),
        padded(lengths.max(), tags),
        padded(tags, tags),
        padded(tags, tags),
        padded(tags, tags),
        padded(tags, tags),
        padded(5, tags),
    )
    fill(space.transposed, 0.0)
    fill(space.pairs, 0.0)
    top = _set_step(transitions[0], allowed, tags, space)
    log_z, after = 0.0, 0
    for length in lengths:
        first, after = after, after + length
        scores, kept = emissions[first:after], slice(first, after) if needs_sums else slice(0, 0)
        steps = transitions[first:after] if per_word else transitions
        scale = _forward(scores, steps, start, allowed, top, space, alphas[kept])
        beta, weights = space.rows[0], space.rows[4]
        for k in range(tags):
            beta[k] = end[k]
        log_z += scale + softmax(space.forward[length - 1], beta, weights)
        for k in range(tags):
            marginals[after - 1, k] = weights[k]
        each = pairs[first:after] if needs_pairs and per_word else pairs[:0]
        _backward(scores, steps, allowed, top, space, needs_pairs, marginals[first:after], each, betas[kept])
    if needs_pairs and not per_word:
        copy_matrix(space.pairs, tags, pairs[0])
    return log_z


@register_jitable(inline="always")
def _set_step(transitions: Floats, allowed: Bools, tags: int, space: _Workspace) -> float:
    """Put the transitions into the workspace, masked, exponentiated and transposed; return their maximum."""
    top = _mask_steps(transitions, allowed, space.steps)
    _exponentiate(space.steps, top, tags, space.matrix)
    transpose(space.matrix, tags, space.transposed)
    return top


@register_jitable(inline="always")
def _forward(
    emissions: Floats,
    transitions: Floats,
    start: Floats,
    allowed: Bools,
    top: float,
    space: _Workspace,
    alphas: Floats,
) -> float:
    """Fill the forward rows of one sentence; return what the last one leaves out."""
    tags, per_word = emissions.shape[1], len(transitions) > 1
    forward, powers, steps, matrix, sums = space.forward, space.powers, space.steps, space.matrix, space.rows[3]
    for k in range(tags):
        forward[0, k] = np.float64(start[k]) + emissions[0, k]
    scale = subtract_maximum(forward[0])
    if len(alphas) > 0:
        copy_row(forward[0], scale, tags, alphas[0])
    for t in range(1, len(emissions)):
        if per_word:
            top = _mask_steps(transitions[t], allowed, steps)
            _exponentiate(steps, top, tags, matrix)
        if _propagate(forward[t - 1], matrix, tags, powers[t - 1], sums, forward[t]):
            _log_space_fallback(forward[t - 1], steps.T, top, tags, forward[t])
        for k in range(tags):
            forward[t, k] += emissions[t, k]
        scale += subtract_maximum(forward[t]) + top
        if len(alphas) > 0:
            copy_row(forward[t], scale, tags, alphas[t])
    return scale


@register_jitable(inline="always")
def _backward(
    emissions: Floats,
    transitions: Floats,
    allowed: Bools,
    top: float,
    space: _Workspace,
    needs_pairs: bool,
    marginals: Floats,
    pairs: Floats,
    betas: Floats,
) -> None:
    """Write one sentence's marginals from its last word but one to its first, and add those of its steps."""
    tags, per_word, last = emissions.shape[1], len(transitions) > 1, len(emissions) - 1
    forward, powers, steps, matrix, transposed, summed = space[:6]
    beta, ahead, power, sums, weights = space.rows[0], space.rows[1], space.rows[2], space.rows[3], space.rows[4]
    scale = 0.0  # what beta leaves out
    if len(betas) > 0:
        copy_row(beta, scale, tags, betas[last])
    for t in range(last - 1, -1, -1):
        if per_word:
            top = _set_step(transitions[t + 1], allowed, tags, space)
        for k in range(tags):
            ahead[k] = beta[k] + emissions[t + 1, k]
        scale += subtract_maximum(ahead) + top
        if _propagate(ahead, transposed, tags, power, sums, beta):
            _log_space_fallback(ahead, steps, top, tags, beta)
        if len(betas) > 0:
            copy_row(beta, scale, tags, betas[t])
        weight = normalize_product(powers[t], sums, weights)
        if weight >= _SAFE:
            if needs_pairs:
                _add_pairs(powers[t], matrix, power, 1 / weight, tags, summed)
        else:
            log_weight = softmax(forward[t], beta, weights) + top
            if needs_pairs:
                _add_pairs_in_log_space(forward[t], steps, ahead, log_weight, tags, summed)
        for k in range(tags):
            marginals[t, k] = weights[k]
        if len(pairs) > 0:
            copy_matrix(summed, tags, pairs[t + 1])
            fill(summed, 0.0)


@kernel
def _subtract_path(
    emissions: Floats,
    transitions: Floats,
    start: Floats,
    end: Floats,
    tags: Ids,
    lengths: Ids,
    marginals: Floats,
    pairs: Floats,
) -> float:
    """Subtract the paths from the marginals of words and steps; return the sum of their scores."""
    total = 0.0
    after = 0
    for length in lengths:
        first, after = after, after + length
        total += np.float64(start[tags[first]]) + np.float64(end[tags[after - 1]])
        for word in range(first, after):
            total += np.float64(emissions[word, tags[word]])
            marginals[word, tags[word]] -= 1
        for word in range(first + 1, after):
            row = word if len(transitions) > 1 else 0
            total += np.float64(transitions[row, tags[word - 1], tags[word]])
            pairs[row, tags[word - 1], tags[word]] -= 1
    return total


@register_jitable
def _mask_steps(transitions: Floats, allowed: Bools, steps: Floats) -> float:
    """Copy the allowed transitions into ``steps``, -inf elsewhere; return the highest, or 0 if none is finite."""
    for i in range(len(allowed)):
        for j in range(len(allowed)):
            steps[i, j] = transitions[i, j] if allowed[i, j] else -np.inf
    top = broadcast(-np.inf)
    for i in range(len(allowed)):
        for c in range(0, steps.shape[1], LANES):
            top = maximum(load(steps[i], c), top)
    return highest(top) if highest(top) > -np.inf else 0.0


@register_jitable
def _exponentiate(steps: Floats, top: float, tags: int, matrix: Floats) -> None:
    """Set matrix = exp(steps - top)."""
    for i in range(tags):
        for c in range(0, steps.shape[1], LANES):
            store(matrix[i], c, exp(load(steps[i], c) - broadcast(top)))


@register_jitable
def _max_plus(scores: Floats, steps: Floats, tags: int, out: Floats) -> None:
    """Set out[j] to the maximum over i of scores[i] + steps[i, j]."""
    for c in range(0, len(out), LANES):
        best = broadcast(-np.inf)
        for i in range(tags):
            best = maximum(broadcast(scores[i]) + load(steps[i], c), best)
        store(out, c, best)


@register_jitable
def _argmax(scores: Floats, tags: int) -> int:
    """Return the place of the highest score; of equal ones, the first."""
    top = row_maximum(scores)
    for k in range(tags):
        if scores[k] == top:
            return k
    return 0


@register_jitable
def _propagate(logs: Floats, matrix: Floats, tags: int, powers: Floats, sums: Floats, out: Floats) -> bool:
    """Set powers = exp(logs), sums = powers · matrix, out = log(sums); return whether a sum is too small to trust."""
    for c in range(0, len(logs), LANES):
        store(powers, c, exp(load(logs, c)))
    for c in range(0, len(logs), LANES):
        product = broadcast(0.0)
        for i in range(tags):
            product = multiply_add(broadcast(powers[i]), load(matrix[i], c), product)
        store(sums, c, product)
        store(out, c, log(product))
    is_tiny = False
    for k in range(tags):
        is_tiny |= sums[k] < _SAFE
    return is_tiny


@register_jitable
def _log_space_fallback(logs: Floats, steps: Floats, top: float, tags: int, out: Floats) -> None:
    """Set out[k] to the log of the sum over i of exp(logs[i] + steps[k, i] - top), where it is too small to trust."""
    for k in range(tags):
        if out[k] < _LOG_SAFE:
            highest_step, summed = -np.inf, 0.0
            for i in range(tags):
                highest_step = max(highest_step, logs[i] + steps[k, i])
            for i in range(tags):
                summed += np.exp(logs[i] + steps[k, i] - highest_step)
            out[k] = highest_step + np.log(summed) - top if highest_step > -np.inf else -np.inf


@register_jitable
def _add_pairs(before: Floats, matrix: Floats, after: Floats, scale: float, tags: int, pairs: Floats) -> None:
    """Add before[i] * matrix[i, j] * after[j] * scale to pairs[i, j]."""
    for i in range(tags):
        weight = broadcast(before[i] * scale)
        for c in range(0, len(after), LANES):
            pair = multiply_add(weight * load(matrix[i], c), load(after, c), load(pairs[i], c))
            store(pairs[i], c, pair)


@register_jitable
def _add_pairs_in_log_space(
    before: Floats, steps: Floats, after: Floats, log_divisor: float, tags: int, pairs: Floats
) -> None:
    """Add exp(before[i] + steps[i, j] + after[j] - log_divisor) to pairs[i, j]."""
    for i in range(tags):
        for j in range(tags):
            pairs[i, j] += np.exp(before[i] + steps[i, j] + after[j] - log_divisor)
