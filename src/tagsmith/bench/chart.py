"""A chart of the taggers' speeds and of the curves."""

from __future__ import annotations

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tagsmith.bench.measurements import significant
from tagsmith.bench.setting import Findings
from tagsmith.files import replacing

_OURS, _OTHERS = "#1f6fb2", "#9aa5b1"


def draw(findings: Findings, title: str, path: Path) -> None:
    """Write a PNG with the tokens per second of all taggers, and with each curve."""
    measured = [row for row in findings.entrants if "tokens_per_second" in row]
    panels = max(bool(measured) + len(findings.curves), 1)
    columns, rows = min(panels, 3), -(-panels // 3)
    figure = Figure(figsize=(6 * columns, 3.4 * rows), layout="constrained")
    figure.suptitle(title, fontsize=9)
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    for unused in axes[panels:]:
        unused.remove()
    if measured:
        _draw_speeds(axes.pop(0), {row["name"]: row["tokens_per_second"] for row in measured})
    for name, points in findings.curves.items():
        panel = axes.pop(0)
        speeds = [point["tokens_per_second"] for point in points]
        panel.plot([point["x"] for point in points], speeds, "o-", color=_OURS)
        panel.set(title=f"tokens/s by {name}", xlabel=name, xscale="log", ylim=(0, 1.1 * max(speeds)))
        panel.grid(alpha=0.3)
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=130, metadata={"Software": None})


def _draw_speeds(panel: Axes, speeds: dict[str, float]) -> None:
    colors = [_OURS if name.startswith("tagsmith") else _OTHERS for name in speeds]
    bars = panel.barh(list(speeds), list(speeds.values()), color=colors)
    panel.bar_label(bars, [significant(speed) for speed in speeds.values()], padding=3, fontsize=8)
    panel.invert_yaxis()
    panel.set(title="tagging, one core", xlabel="tokens/s", xlim=(0, 1.35 * max(speeds.values())))
