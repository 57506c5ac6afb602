"""What a training leaves beside its model: a log of JSON lines, and a picture of its curves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from tagsmith.files import replacing
from tagsmith.training.loop import Epoch


def files_beside(model: Path) -> tuple[Path, Path]:
    """Where the log and the picture of a model file go: ``ner.safetensors`` has ``ner.log.jsonl`` and ``ner.png``."""
    stem = model.name.removesuffix(".safetensors")
    return model.with_name(f"{stem}.log.jsonl"), model.with_name(f"{stem}.png")


class Log:
    """A log of JSON lines: one ``start``, then one ``epoch`` for each as soon as it is over."""

    def __init__(self, path: Path) -> None:
        self.path = path

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
    """A PNG of the loss, and of the dev score where there is one, epoch by epoch."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    numbers = [epoch.number for epoch in epochs]
    lines = axes.plot(numbers, [epoch.loss for epoch in epochs], color="#c0504d", label="training loss")
    axes.set(xlabel="epoch", ylabel="loss, mean of a sentence's nll", ylim=(0, None))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    dev = [(epoch.number, epoch.dev) for epoch in epochs if epoch.dev is not None]
    if dev:
        name = "F1" if dev[0][1].spans else "accuracy"
        right = axes.twinx()
        lines += right.plot(
            [n for n, _ in dev],
            [s.score for _, s in dev],
            color="#1f6fb2",
            label=f"dev {name}",
            marker=".",
            ms=4,
        )
        right.set(ylabel=f"dev {name}")
        best, scores = max(dev, key=lambda pair: pair[1].score)
        right.annotate(
            f"{scores.score:.2f} (epoch {best})",
            (best, scores.score),
            xytext=(0, -16),
            textcoords="offset points",
            ha="center",
        )
    axes.legend(handles=lines, loc="center right")
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=130, metadata={"Software": None})


def _line(value: dict[str, Any]) -> bytes:
    return msgspec.json.encode(value) + b"\n"
