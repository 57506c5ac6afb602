"""PNG pictures of what the other modules here find."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from tagsmith.files import replacing
from tagsmith.quality.calibration import CalibrationReport, panels
from tagsmith.quality.transitions import Transitions


def draw_transitions(transitions: Transitions, title: str, path: Path) -> None:
    """A PNG of the heat map of the transitions, in the colours of ``Transitions.shades``."""
    size = 2 + 0.3 * len(transitions.rows)
    figure = Figure(figsize=(size, size), layout="constrained")
    panel = figure.subplots()
    panel.imshow(transitions.shades())
    panel.set(title=title, xlabel="the tag after", ylabel="the tag before")
    panel.set_xticks(range(len(transitions.columns)), transitions.columns, rotation=90, fontsize=8)
    panel.set_yticks(range(len(transitions.rows)), transitions.rows, fontsize=8)
    if len(transitions.rows) <= 30:
        for i, j in np.argwhere(transitions.allowed).tolist():
            panel.text(j, i, f"{transitions.scores[i, j]:z.1f}", ha="center", va="center", fontsize=6)
    _save(figure, path)


def draw_reliability(report: CalibrationReport, title: str, path: Path) -> None:
    """A PNG of accuracy by confidence, before and after calibration, over how many answers each bin has."""
    figure = Figure(figsize=(9, 5.4), layout="constrained")
    figure.suptitle(title)
    grid = figure.subplots(2, 2, sharex=True, height_ratios=(3, 1))
    for (name, found), above, below in zip(panels(report), *grid, strict=True):
        bins = [each for each in found.bins if each.answers]
        lows, width = [each.low for each in bins], found.bins[0].high
        above.bar(lows, [each.accuracy for each in bins], width, align="edge", color="#9dc3e6", edgecolor="white")
        above.plot([0, 1], [0, 1], color="#9aa5b1", linewidth=1)
        above.plot([each.confidence for each in bins], [each.accuracy for each in bins], "o-", color="#1f6fb2")
        above.set(title=f"{name}\nECE {found.ece:.4f}, Brier {found.brier:.4f}", ylabel="share that is right")
        below.bar(lows, [each.answers for each in bins], width, align="edge", color="#9aa5b1", edgecolor="white")
        below.set(xlabel="probability", ylabel="answers", yscale="log", xlim=(0, 1))
    _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=130, metadata={"Software": None})
