"""A picture of the race and the curves."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from tagsmith.bench.measurements import significant
from tagsmith.bench.setting import Findings
from tagsmith.files import replacing


def draw(findings: Findings, title: str, path: Path) -> None:
    """A PNG: tokens a second of all who raced, and each curve."""
    raced = [row for row in findings.entrants if "tokens_per_second" in row]
    panels = max(bool(raced) + len(findings.curves), 1)
    columns, rows = min(panels, 3), -(-panels // 3)
    figure = Figure(figsize=(6 * columns, 3.4 * rows), layout="constrained")
    figure.suptitle(title, fontsize=9)
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    for unused in axes[panels:]:
        unused.remove()
    if raced:
        panel = axes.pop(0)
        speeds = [row["tokens_per_second"] for row in raced]
        names = [row["name"] for row in raced]
        colors = ["#1f6fb2" if name.startswith("tagsmith") else "#9aa5b1" for name in names]
        bars = panel.barh(names, speeds, color=colors)
        panel.bar_label(bars, [significant(speed) for speed in speeds], padding=3, fontsize=8)
        panel.invert_yaxis()
        panel.set(title="tagging, one core", xlabel="tokens/s", xlim=(0, 1.35 * max(speeds)))
    for name, points in findings.curves.items():
        panel = axes.pop(0)
        speeds = [point["tokens_per_second"] for point in points]
        panel.plot([point["x"] for point in points], speeds, "o-", color="#1f6fb2")
        panel.set(title=f"tokens/s by {name}", xlabel=name, xscale="log", ylim=(0, 1.1 * max(speeds)))
        panel.grid(alpha=0.3)
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=130, metadata={"Software": None})
