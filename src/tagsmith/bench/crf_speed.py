"""The speed of the CRF alone: loss with gradients, and Viterbi, compared with pytorch-crf on the same numbers."""

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
_MEASURED = {"loss": ("CRF loss and gradient", 8.0), "viterbi": ("CRF Viterbi", 20.0)}


def loss_and_viterbi(setting: BenchSetting, findings: Findings) -> None:
    """Measure the milliseconds of a call and the ratio to pytorch-crf, after a check against the float64 reference."""
    require("torch", "PyTorch", "train")
    given = problem()
    size = f"B {SENTENCES}, T {LENGTH}, K {TAGS}"
    for what, (name, target) in _MEASURED.items():
        alone = Measurement(name, "ms", note=size)
        ratio = Measurement(f"{name}: ratio to pytorch-crf", "x", target=target)
        ours, theirs = _race(setting, {**given, "what": what, "calls": CALLS})
        if isinstance(ours, MeasurementRefused):
            findings.add(alone.without_value(ours), ratio.without_value(ours))
            continue
        milliseconds = 1000 * ours.best / CALLS
        findings.add(replace(alone, value=milliseconds))
        if isinstance(theirs, MeasurementRefused):
            findings.add(ratio.without_value(theirs))
        else:
            note = f"{significant(milliseconds)} against {significant(1000 * theirs.best / CALLS)} ms; {size}"
            findings.add(replace(ratio, value=theirs.best / ours.best, note=note))


def _race(
    setting: BenchSetting, options: dict[str, Any]
) -> tuple[Timing | MeasurementRefused, Timing | MeasurementRefused]:
    """Return our runs and pytorch-crf's, or the reason that there are none."""
    entrants = {"ours": Entrant(own_job("crf"), options)}
    missing: dict[str, Timing | MeasurementRefused] = {}
    try:
        entrants["theirs"] = setting.rivals.entrant("pytorch-crf", options)
    except MissingRival as reason:
        missing["theirs"] = reason
    results = {**race(entrants, setting.repeats), **missing}
    theirs = results["theirs"]
    if isinstance(theirs, MeasurementRefused) and not isinstance(theirs, MissingRival):
        theirs = MissingRival(f"failed: {theirs}")
    return _checked(options, results["ours"]), _checked(options, theirs)


def problem() -> dict[str, Any]:
    """Return random potentials and tags, the same in every environment, as lists.

    Shape: emissions [B, T, K], tags [B, T], transitions [K, K], start_transitions and end_transitions [K].
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
    """Return the timing if its output is right, and otherwise the reason that there is none."""
    if isinstance(result, MeasurementRefused):
        return result
    check = _check_loss if given["what"] == "loss" else _check_paths
    try:
        check(given, result.output)
    except MeasurementRefused as refused:
        return refused
    return result


def _chain(given: dict[str, Any]) -> tuple[Chain, Allowed, Ids]:
    """Return the chain in float64, all transitions allowed, and the lengths of the sentences."""
    names = ("transitions", "start_transitions", "end_transitions")
    chain = Chain(np.array(given["emissions"]).reshape(-1, TAGS), *(np.array(given[name]) for name in names))
    return chain, Allowed.all(TAGS), np.full(SENTENCES, LENGTH)


def _check_loss(given: dict[str, Any], output: dict[str, Any]) -> None:
    """Check the nll, and the gradients of the emissions: the marginals, less 1 at the gold tag."""
    chain, allowed, lengths = _chain(given)
    alphas, _ = reference.forward_backward(chain, allowed, lengths)
    gold = np.array(given["tags"])
    score = chain.emissions[np.arange(gold.size), gold.reshape(-1)].sum()
    score += chain.start_transitions[gold[:, 0]].sum() + chain.end_transitions[gold[:, -1]].sum()
    score += chain.transitions[gold[:, :-1], gold[:, 1:]].sum()
    last = alphas[np.cumsum(lengths) - 1] + chain.end_transitions
    nll = np.logaddexp.reduce(last, axis=1).sum() - score
    if not np.isclose(output["nll"], nll, rtol=1e-4):
        raise MeasurementRefused(f"a loss of {output['nll']}; the reference gives {nll}")
    expected = reference.marginals(chain, allowed, lengths)
    expected[np.arange(gold.size), gold.reshape(-1)] -= 1
    gradients = np.array(output["gradients"][0]).reshape(-1, TAGS)
    if (difference := np.abs(gradients - expected).max()) > 1e-4:
        raise MeasurementRefused(f"gradients that differ from the reference's by {difference:.2g}")


def _check_paths(given: dict[str, Any], output: list[list[int]]) -> None:
    expected = reference.viterbi(*_chain(given)).reshape(SENTENCES, LENGTH)
    if np.shape(output) != expected.shape or (np.array(output) != expected).any():
        raise MeasurementRefused("paths that differ from the reference's")
