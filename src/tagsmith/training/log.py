"""What a training leaves beside its model: a log of JSON lines, and a picture of its curves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from tagsmith.files import replacing
from tagsmith.training.checkpoint import Epoch


def files_beside(model: Path) -> tuple[Path, Path]:
    """Where the log and the picture of a model file go: ``ner.safetensors`` has ``ner.log.jsonl`` and ``ner.png``."""
    stem = model.name.removesuffix(".safetensors")
    return model.with_name(f"{stem}.log.jsonl"), model.with_name(f"{stem}.png")


class TrainingLog:
    """A log of JSON lines: one ``start``, then one ``epoch`` for each as soon as it is over.

    It grows in a file named ``.part`` until its model is written, so that a log never stands beside another's model.
    """

    def __init__(self, path: Path) -> None:
        self.final = path
        self.path = path.with_name(f"{path.name}.part")

    def keep(self) -> None:
        """Give the log its name, in place of an older one."""
        self.path.replace(self.final)

    def drop(self) -> None:
        """Remove the log of a training that left no model."""
        self.path.unlink(missing_ok=True)

    def started(self, facts: dict[str, Any]) -> None:
        """Begin the log with all settings, the counts of the data, the versions and the number of threads."""
        self.path.write_bytes(_line({"event": "start", **facts}))

    def stepped(self, epoch: int, loss: float, tokens: int) -> None:
        """Steps are not logged."""

    def finished_epoch(self, epoch: Epoch) -> None:
        """Add the epoch's line."""
        dev = None if epoch.dev is None else {k: v for k, v in epoch.dev.as_dict().items() if k != "confusion"}
        line = _line(
            {
                "event": "epoch",
                "epoch": epoch.number,
                "loss": epoch.loss,
                "learning_rate": epoch.learning_rate,
                "seconds": round(epoch.seconds, 3),
                "tokens_per_second": round(epoch.tokens_per_second, 1),
                "best": epoch.best,
                "dev": dev,
            }
        )
        with self.path.open("ab") as file:
            file.write(line)

    def finished(self) -> None:
        """Nothing is left to write."""


def draw_curves(epochs: Sequence[Epoch], path: Path) -> None:
    """A PNG of the loss and, where there is a dev file, of its score, epoch by epoch, with the best one marked."""
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


def _line(value: dict[str, Any]) -> bytes:
    return msgspec.json.encode(value) + b"\n"
