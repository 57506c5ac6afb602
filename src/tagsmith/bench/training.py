"""Training: tokens a second at the preset's batch of 10, against PyTorch's LSTM in the same loop."""

from __future__ import annotations

import math
from dataclasses import replace

from tagsmith.bench.measurements import Measurement, MeasurementRefused, significant
from tagsmith.bench.setting import BenchSetting, Findings
from tagsmith.bench.workers import Entrant, own_job, race
from tagsmith.extras import require

STEPS = 100
COMPARED = 20
"""Steps whose losses must agree; later ones drift apart, as rounding errors grow."""


def steps(setting: BenchSetting, findings: Findings) -> None:
    """The first steps of a training, with our recurrence and with ``nn.LSTM`` on packed or on padded sequences."""
    require("torch", "PyTorch", "train")
    options = {"train": setting.train, "vectors": setting.vectors, "settings": dict(setting.settings), "steps": STEPS}
    names = ("tagsmith", "packed", "padded")
    entrants = {name: Entrant(own_job("training"), {**options, "recurrence": name}) for name in names}
    results = {}
    for name, result in race(entrants, setting.repeats).items():
        if isinstance(result, MeasurementRefused):
            raise result
        results[name] = result
    ours = results["tagsmith"]
    for name, theirs in results.items():
        for step, (a, b) in enumerate(zip(ours.answer[:COMPARED], theirs.answer[:COMPARED], strict=True), 1):
            if not math.isclose(a, b, rel_tol=0.01):
                raise MeasurementRefused(
                    f"the losses of step {step} are {a:.4f} with our recurrence, {b:.4f} with nn.LSTM, {name}"
                )
    if ours.answer[-1] >= ours.answer[0]:
        raise MeasurementRefused(
            f"the loss did not fall: {ours.answer[0]:.2f} at first, {ours.answer[-1]:.2f} at the end"
        )
    speed, *others = (result.notes["tokens"] / result.best for result in results.values())
    how = f"preset ner, batch 10, {len(ours.answer)} steps, {ours.notes['tokens']:,} tokens"
    findings.figures.append(Measurement("training", "tokens/s", speed, target=12_000, note=how))
    note = " and ".join(f"{name} {significant(other)}" for name, other in zip(names[1:], others, strict=True))
    ratio = Measurement("training: ratio to nn.LSTM in the same loop", "x", speed / max(others), target=2.0)
    findings.figures.append(replace(ratio, note=f"the faster of nn.LSTM on sequences {note} tokens/s"))
