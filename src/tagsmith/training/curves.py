"""The picture of a training, beside its model: loss and dev score, epoch by epoch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from tagsmith.files import replacing
from tagsmith.training.history import Epoch


def curves_beside(model: Path) -> Path:
    """Return the picture file of a model file: ``ner.png`` for ``ner.safetensors``."""
    return model.with_name(f"{model.name.removesuffix('.safetensors')}.png")


def draw_curves(epochs: Sequence[Epoch], path: Path) -> None:
    """Draw the loss and, if there is a dev file, its score as a PNG. The best score is marked."""
    scored = [(epoch.number, epoch.dev) for epoch in epochs if epoch.dev is not None]
    figure = Figure(figsize=(10, 3.8) if scored else (5, 3.8), layout="constrained")
    panels = figure.subplots(1, 2 if scored else 1, squeeze=False)[0]
    panels[0].plot([epoch.number for epoch in epochs], [epoch.loss for epoch in epochs], color="#c0504d")
    panels[0].set(title="training loss", ylabel="mean over the sentences of the nll", ylim=(0, None))
    if scored:
        name = "F1" if scored[0][1].spans else "accuracy"
        best, scores = max(scored, key=lambda pair: pair[1].score)
        panels[1].plot([number for number, _ in scored], [dev.score for _, dev in scored], color="#1f6fb2")
        panels[1].plot(best, scores.score, "o", color="#1f6fb2")
        panels[1].set(title=f"dev {name}: {scores.score:.2f} at epoch {best}", ylabel=f"{name}, percent")
    for panel in panels:
        panel.set(xlabel="epoch")
        panel.grid(alpha=0.3)
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=130, metadata={"Software": None})
