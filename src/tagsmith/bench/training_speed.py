"""The speed of training with the preset's batches of 10, compared with PyTorch's LSTM in the same loop."""

from __future__ import annotations

import math
from collections.abc import Mapping

from tagsmith.bench.measurements import Measurement, MeasurementRefused, significant
from tagsmith.bench.setting import BenchSetting, Findings
from tagsmith.bench.workers import Entrant, Timing, own_job, race_all
from tagsmith.extras import require

STEPS = 100
COMPARED = 20
"""Steps whose losses must agree; later ones drift apart, as rounding errors grow."""
_OURS = "tagsmith"


def steps(setting: BenchSetting, findings: Findings) -> None:
    """Time the first steps of a training, with our recurrence and with ``nn.LSTM`` on packed or padded sequences."""
    require("torch", "PyTorch", "train")
    options = {"train": setting.train, "vectors": setting.vectors, "settings": dict(setting.settings), "steps": STEPS}
    names = (_OURS, "packed", "padded")
    entrants = {name: Entrant(own_job("training"), {**options, "recurrence": name}) for name in names}
    timings = race_all(entrants, setting.repeats)
    _check_losses(timings)
    ours = timings[_OURS]
    speed, *others = (timing.notes["tokens"] / timing.best for timing in timings.values())
    note = f"preset ner, batch 10, {len(ours.output)} steps, {ours.notes['tokens']:,} tokens"
    findings.add(Measurement("training", "tokens/s", speed, target=12_000, note=note))
    speeds = " and ".join(f"{name} {significant(other)}" for name, other in zip(names[1:], others, strict=True))
    note = f"the faster of nn.LSTM on sequences {speeds} tokens/s"
    name = "training: ratio to nn.LSTM in the same loop"
    findings.add(Measurement(name, "x", speed / max(others), target=2.0, note=note))


def _check_losses(timings: Mapping[str, Timing]) -> None:
    """Check that all recurrences have the same losses, and that ours falls."""
    losses = timings[_OURS].output
    for name, timing in timings.items():
        pairs = zip(losses[:COMPARED], timing.output[:COMPARED], strict=True)
        for step, (ours, theirs) in enumerate(pairs, 1):
            if not math.isclose(ours, theirs, rel_tol=0.01):
                raise MeasurementRefused(
                    f"the losses of step {step} are {ours:.4f} with our recurrence, {theirs:.4f} with nn.LSTM, {name}"
                )
    if losses[-1] >= losses[0]:
        raise MeasurementRefused(f"the loss did not fall: {losses[0]:.2f} at first, {losses[-1]:.2f} at the end")
