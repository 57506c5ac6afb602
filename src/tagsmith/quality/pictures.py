"""PNG pictures of what the other modules here find."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from tagsmith.files import replacing
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


def _save(figure: Figure, path: Path) -> None:
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=130, metadata={"Software": None})
