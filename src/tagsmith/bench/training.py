"""Training: tokens a second at the preset's batch of 10, against PyTorch's LSTM in the same loop."""

from __future__ import annotations

import math

from tagsmith.bench.figures import Figure, Refused, significant
from tagsmith.bench.setting import Findings, Setting
from tagsmith.bench.workers import Entrant, own_job, race
from tagsmith.extras import require

STEPS = 100
COMPARED = 20
"""Steps whose losses must agree; later ones drift apart, as rounding errors grow."""


def steps(setting: Setting, findings: Findings) -> None:
    """The first steps of a training, with our recurrence and with ``nn.LSTM``."""
    require("torch", "PyTorch", "train")
    options = {"train": setting.train, "vectors": setting.vectors, "settings": dict(setting.settings), "steps": STEPS}
    entrants = {name: Entrant(own_job("training"), {**options, "recurrence": name}) for name in ("tagsmith", "torch")}
    results = []
    for result in race(entrants, setting.repeats).values():
        if isinstance(result, Refused):
            raise result
        results.append(result)
    ours, theirs = results
    for step, (a, b) in enumerate(zip(ours.answer[:COMPARED], theirs.answer[:COMPARED], strict=True), 1):
        if not math.isclose(a, b, rel_tol=0.01):
            raise Refused(f"the losses of step {step} are {a:.4f} with our recurrence and {b:.4f} with nn.LSTM")
    if ours.answer[-1] >= ours.answer[0]:
        raise Refused(f"the loss did not fall: {ours.answer[0]:.2f} at first, {ours.answer[-1]:.2f} at the end")
    speeds = [result.notes["tokens"] / result.best for result in results]
    how = f"preset ner, batch 10, {len(ours.answer)} steps, {ours.notes['tokens']:,} tokens"
    findings.figures.append(Figure("training", "tokens/s", speeds[0], target=12_000, note=how))
    note = f"nn.LSTM on packed sequences: {significant(speeds[1])} tokens/s"
    findings.figures.append(
        Figure("training: ratio to nn.LSTM in the same loop", "x", speeds[0] / speeds[1], target=2.0, note=note)
    )
