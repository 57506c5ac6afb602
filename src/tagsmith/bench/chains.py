"""The CRF alone: loss with gradients, and best paths, against pytorch-crf on the same numbers."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import numpy as np

from tagsmith.bench.measurements import Measurement, MeasurementRefused, MissingRival, significant
from tagsmith.bench.setting import BenchSetting, Findings
from tagsmith.bench.workers import Entrant, Timing, own_job, race
from tagsmith.extras import require
from tagsmith.ops.chain import reference
from tagsmith.ops.chain.types import Allowed, Chain
from tagsmith.tensors import Ids

SENTENCES, LENGTH, TAGS = 32, 40, 17
CALLS = 50
_LINES = {"loss": ("CRF loss and gradient", 8.0), "viterbi": ("CRF Viterbi", 20.0)}


def loss_and_paths(setting: BenchSetting, findings: Findings) -> None:
    """Milliseconds a call of ours, and the ratios; every answer is checked against the reference in float64."""
    require("torch", "PyTorch", "train")
    given = problem()
    size = f"B {SENTENCES}, T {LENGTH}, K {TAGS}"
    for what, (name, target) in _LINES.items():
        alone = Measurement(name, "ms", note=size)
        ratio = Measurement(f"{name}: ratio to pytorch-crf", "x", target=target)
        ours, theirs = _race(setting, {**given, "what": what, "calls": CALLS})
        if isinstance(ours, MeasurementRefused):
            findings.figures += [alone.without_value(ours), ratio.without_value(ours)]
            continue
        took = 1000 * ours.best / CALLS
        findings.figures.append(replace(alone, value=took))
        if isinstance(theirs, MeasurementRefused):
            findings.figures.append(ratio.without_value(theirs))
        else:
            note = f"{significant(took)} against {significant(1000 * theirs.best / CALLS)} ms; {size}"
            findings.figures.append(replace(ratio, value=theirs.best / ours.best, note=note))


def _race(
    setting: BenchSetting, options: dict[str, Any]
) -> tuple[Timing | MeasurementRefused, Timing | MeasurementRefused]:
    """Our runs and pytorch-crf's, or why there are none."""
    entrants = {"ours": Entrant(own_job("crf"), options)}
    absent: dict[str, Timing | MeasurementRefused] = {}
    try:
        entrants["theirs"] = setting.rivals.entrant("pytorch-crf", options)
    except MissingRival as reason:
        absent["theirs"] = reason
    results = {**race(entrants, setting.repeats), **absent}
    theirs = results["theirs"]
    if isinstance(theirs, MeasurementRefused) and not isinstance(theirs, MissingRival):
        theirs = MissingRival(f"failed: {theirs}")
    return _checked(options, results["ours"]), _checked(options, theirs)


def problem() -> dict[str, Any]:
    """Potentials and tags, the same in every environment.

    Shape: emissions [B, T, K], tags [B, T], transitions [K, K], start and end [K]; all as lists.
    """
    draw = random.Random(1)

    def normal(*shape: int) -> Any:
        return [normal(*shape[1:]) for _ in range(shape[0])] if shape else draw.gauss(0, 1)

    return {
        "emissions": normal(SENTENCES, LENGTH, TAGS),
        "tags": [[draw.randrange(TAGS) for _ in range(LENGTH)] for _ in range(SENTENCES)],
        "transitions": normal(TAGS, TAGS),
        "start_transitions": normal(TAGS),
        "end_transitions": normal(TAGS),
    }


def _checked(given: dict[str, Any], result: Timing | MeasurementRefused) -> Timing | MeasurementRefused:
    if isinstance(result, MeasurementRefused):
        return result
    check = _check_loss if given["what"] == "loss" else _check_paths
    try:
        check(given, result.answer)
    except MeasurementRefused as refused:
        return refused
    return result


def _chain(given: dict[str, Any]) -> tuple[Chain, Allowed, Ids]:
    """The chain in float64, over all paths, and the lengths of the sentences."""
    names = ("transitions", "start_transitions", "end_transitions")
    chain = Chain(np.array(given["emissions"]).reshape(-1, TAGS), *(np.array(given[name]) for name in names))
    return chain, Allowed.all(TAGS), np.full(SENTENCES, LENGTH)


def _check_loss(given: dict[str, Any], answer: dict[str, Any]) -> None:
    """The loss and the gradients of the emissions: the marginals, less 1 at the right tag."""
    chain, allowed, lengths = _chain(given)
    alphas, _ = reference.forward_backward(chain, allowed, lengths)
    right = np.array(given["tags"])
    score = chain.emissions[np.arange(right.size), right.reshape(-1)].sum()
    score += chain.start_transitions[right[:, 0]].sum() + chain.end_transitions[right[:, -1]].sum()
    score += chain.transitions[right[:, :-1], right[:, 1:]].sum()
    last = alphas[np.cumsum(lengths) - 1] + chain.end_transitions
    nll = np.logaddexp.reduce(last, axis=1).sum() - score
    if not np.isclose(answer["nll"], nll, rtol=1e-4):
        raise MeasurementRefused(f"a loss of {answer['nll']}; the reference gives {nll}")
    expected = reference.marginals(chain, allowed, lengths)
    expected[np.arange(right.size), right.reshape(-1)] -= 1
    found = np.array(answer["gradients"][0]).reshape(-1, TAGS)
    if (difference := np.abs(found - expected).max()) > 1e-4:
        raise MeasurementRefused(f"gradients that differ from the reference's by {difference:.2g}")


def _check_paths(given: dict[str, Any], answer: list[list[int]]) -> None:
    expected = reference.viterbi(*_chain(given)).reshape(SENTENCES, LENGTH)
    if np.shape(answer) != expected.shape or (np.array(answer) != expected).any():
        raise MeasurementRefused("paths other than the reference's")
