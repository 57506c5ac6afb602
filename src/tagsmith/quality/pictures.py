"""PNG pictures of transitions and of reliability."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from tagsmith.files import replacing
from tagsmith.quality.calibration import CalibrationReport, panels
from tagsmith.quality.transitions import TransitionMatrix


def draw_transitions(transitions: TransitionMatrix, title: str, path: Path) -> None:
    """Write a PNG of the heat map of the transitions, in the colours of ``TransitionMatrix.shades``."""
    size = 2 + 0.3 * len(transitions.rows)
    figure = Figure(figsize=(size, size), layout="constrained")
    panel = figure.subplots()
    panel.imshow(transitions.shades())
    panel.set(title=title, xlabel="to tag", ylabel="from tag")
    panel.set_xticks(range(len(transitions.columns)), transitions.columns, rotation=90, fontsize=8)
    panel.set_yticks(range(len(transitions.rows)), transitions.rows, fontsize=8)
    if len(transitions.rows) <= 30:
        for i, j in np.argwhere(transitions.allowed).tolist():
            panel.text(j, i, f"{transitions.scores[i, j]:z.1f}", ha="center", va="center", fontsize=6)
    _save(figure, path)


def draw_reliability(report: CalibrationReport, title: str, path: Path) -> None:
    """Write a PNG of accuracy by confidence, before and after calibration, with the size of each bin."""
    figure = Figure(figsize=(9, 5.4), layout="constrained")
    figure.suptitle(title)
    grid = figure.subplots(2, 2, sharex=True, height_ratios=(3, 1))
    for (name, reliability), above, below in zip(panels(report), *grid, strict=True):
        bins = [each for each in reliability.bins if each.predictions]
        lows, width = [each.low for each in bins], reliability.bins[0].high
        above.bar(lows, [each.accuracy for each in bins], width, align="edge", color="#9dc3e6", edgecolor="white")
        above.plot([0, 1], [0, 1], color="#9aa5b1", linewidth=1)
        above.plot([each.confidence for each in bins], [each.accuracy for each in bins], "o-", color="#1f6fb2")
        figures = f"ECE {reliability.ece:.4f}, Brier {reliability.brier:.4f}"
        above.set(title=f"{name}\n{figures}", ylabel="accuracy")
        below.bar(lows, [each.predictions for each in bins], width, align="edge", color="#9aa5b1", edgecolor="white")
        below.set(xlabel="probability", ylabel="predictions", yscale="log", xlim=(0, 1))
    _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=130, metadata={"Software": None})
