"""The results of a benchmark as text, JSON and a chart."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec

from tagsmith.bench.measurements import Measurement, significant
from tagsmith.bench.setting import BenchSetting, Findings
from tagsmith.files import replacing
from tagsmith.machine import machine


def render(findings: Findings) -> str:
    """Return the tables to print: the measurements, the taggers and the curves."""
    parts = [figure_table(findings.measurements)] if findings.measurements else []
    if findings.entrants:
        parts.append(_entrant_table(findings.entrants))
    parts += [_curve_table(name, points) for name, points in findings.curves.items()]
    return "\n".join(parts)


def figure_table(measurements: Sequence[Measurement]) -> str:
    """Return the measurements with their targets and verdicts as a table."""
    rows = [["figure", "measured", "target", "verdict", "how"]]
    for one in measurements:
        value = "-" if one.value is None else f"{significant(one.value)} {one.unit}".strip()
        target = "" if one.target is None else f"{one.bound} {significant(one.target)}"
        rows.append([one.name, value, target, one.verdict, one.note])
    return _table(rows)


def _entrant_table(entrants: Sequence[dict[str, Any]]) -> str:
    rows = [["tagger", "tokens/s", "median", "F1", "peak MB", "notes"]]
    for row in entrants:
        if "failed" in row:
            rows.append([row["name"], "-", "-", "-", "-", row["failed"]])
            continue
        speeds = [significant(row[name]) for name in ("tokens_per_second", "tokens_per_second_median")]
        peak = "-" if row["peak_bytes"] is None else f"{row['peak_bytes'] / 1e6:.0f}"
        notes = "; ".join(f"{row[name]}" for name in ("version", "ops", "training") if name in row)
        rows.append([row["name"], *speeds, f"{row['f1']:.2f}", peak, notes])
    return _table(rows)


def _curve_table(name: str, points: Sequence[dict[str, float]]) -> str:
    has_start = "cold_start_seconds" in points[0]
    rows = [[name, "tokens/s", "cold start" if has_start else ""]]
    for point in points:
        start = f"{point['cold_start_seconds']:.2f} s" if has_start else ""
        rows.append([f"{point['x']:,}", significant(point["tokens_per_second"]), start])
    return _table(rows)


def _table(rows: Sequence[Sequence[str]]) -> str:
    """Align the cells in columns, the first row above a rule. The first and last columns are flush left."""
    last = len(rows[0]) - 1
    widths = [max(len(row[column]) for row in rows) for column in range(last)]
    lines = []
    for row in rows:
        aligned = zip(row, "<" + ">" * last, widths, strict=False)
        cells = [f"{cell:{side}{width}}" for cell, side, width in aligned]
        lines.append("  ".join([*cells, row[last]]).rstrip())
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]]) + "\n"


def as_dict(findings: Findings, setting: BenchSetting) -> dict[str, Any]:
    """Return all results with the machine, the versions and the data, ready for JSON."""
    model = setting.tagger.model
    return {
        "date": date.today().isoformat(),
        "machine": machine(),
        "data": {
            "sentences": len(setting.sentences),
            "tokens": setting.tokens,
            "model_bytes": Path(setting.model).stat().st_size,
            "words": len(model.alphabets.words),
            "state_size": model.config.encoder.size,
            "tags": len(model.tags),
        },
        "repeats": setting.repeats,
        "figures": [measurement.as_dict() for measurement in findings.measurements],
        "entrants": findings.entrants,
        "curves": findings.curves,
    }


def write(findings: Findings, setting: BenchSetting, folder: Path) -> list[Path]:
    """Write ``bench.json`` and, if matplotlib is installed, ``bench.png``; return their paths."""
    report = as_dict(findings, setting)
    written = [folder / "bench.json"]
    with replacing(written[0]) as temporary:
        temporary.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
    if (findings.entrants or findings.curves) and find_spec("matplotlib"):
        from tagsmith.bench.chart import draw

        written.append(folder / "bench.png")
        here = report["machine"]
        draw(findings, f"tagsmith {here['tagsmith']}, {report['date']}, {here['processor']}, one thread", written[-1])
    return written
