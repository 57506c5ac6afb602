"""Log-sums over the paths that contain a span, in compiled code; see ``reference.span_masses``."""

from __future__ import annotations

import numpy as np
from numba.extending import register_jitable

from tagsmith.ops.simd.compiling import kernel
from tagsmith.tensors import Bools, Floats, Ids


@kernel
def span_masses(
    emissions: Floats,
    transitions: Floats,
    start_transitions: Floats,
    end_transitions: Floats,
    allowed: Bools,
    label: Ids,
    continues: Bools,
    starts: Ids,
    ends: Ids,
    labels: Ids,
    sentence: Ids,
    alphas: Floats,
    betas: Floats,
    first: Ids,
    masses: Floats,
) -> None:
    """Write the log-sum over the paths that contain each of S spans into ``masses``.

    Shape: emissions [N, K], transitions [1 or N, K, K], start and end [K], allowed [K, K], label and continues as in
    ``SpanReading``, starts to sentence as in ``SpanArrays``, alphas and betas [N, K], first [B], masses [S].
    """
    words, tags = emissions.shape
    per_word = len(transitions) > 1
    inside, between = np.empty((tags, tags)), np.empty((tags, tags))
    _split_steps(transitions[0], allowed, continues, inside, between)
    reached, ahead = np.empty(tags), np.empty(tags)
    for i in range(len(starts)):
        start, end = starts[i], ends[i]
        after = first[sentence[i] + 1] if sentence[i] + 1 < len(first) else words
        for word in range(start, end):
            if per_word and word > first[sentence[i]]:
                _split_steps(transitions[word], allowed, continues, inside, between)
            for j in range(tags):
                if label[j] != labels[i]:
                    ahead[j] = -np.inf
                elif word == first[sentence[i]]:
                    ahead[j] = np.float64(start_transitions[j]) + emissions[word, j]
                elif word == start:
                    ahead[j] = _log_sum(alphas[word - 1], between[j]) + emissions[word, j]
                else:
                    ahead[j] = _log_sum(reached, inside[j]) + emissions[word, j]
            reached[:] = ahead
        if end == after:
            masses[i] = _log_sum(reached, end_transitions)
            continue
        if per_word:
            _split_steps(transitions[end], allowed, continues, inside, between)
        for j in range(tags):
            ahead[j] = _log_sum(reached, between[j]) + emissions[end, j]
        masses[i] = _log_sum(ahead, betas[end])


@register_jitable
def _split_steps(steps: Floats, allowed: Bools, continues: Bools, inside: Floats, between: Floats) -> None:
    """Split the allowed steps to each tag (row) from each (column) into those inside a span and those between spans."""
    for i in range(len(steps)):
        for j in range(len(steps)):
            inside[j, i] = steps[i, j] if allowed[i, j] and continues[i, j] else -np.inf
            between[j, i] = steps[i, j] if allowed[i, j] and not continues[i, j] else -np.inf


@register_jitable
def _log_sum(a: Floats, b: Floats) -> float:
    """Return log(sum(exp(a + b)))."""
    top, total = -np.inf, 0.0
    for k in range(len(a)):
        top = max(top, a[k] + b[k])
    for k in range(len(a)):
        if a[k] + b[k] > -np.inf:
            total += np.exp(a[k] + b[k] - top)
    return top + np.log(total)
