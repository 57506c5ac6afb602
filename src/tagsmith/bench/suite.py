"""All measurements, one after another, and what becomes of them: a table, JSON and a picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec

from tagsmith.bench import chains, curves, processes, roofline, tagging, training
from tagsmith.bench.measurements import Measurement, MeasurementRefused, MissingRival, figure_table, significant, table
from tagsmith.bench.setting import BenchSetting, Findings
from tagsmith.bench.workers import say
from tagsmith.errors import MissingExtra
from tagsmith.files import replacing
from tagsmith.machine import machine

MEASUREMENTS: dict[str, Callable[[BenchSetting, Findings], None]] = {
    "tagging": tagging.against_rivals,
    "latency": tagging.latency,
    "cores": tagging.two_cores,
    "training": training.steps,
    "crf": chains.loss_and_paths,
    "start": processes.cold_start,
    "memory": processes.memory,
    "install": processes.installed_size,
    "roofline": roofline.share,
    "curves": curves.curves,
}


def measure(setting: BenchSetting, names: Sequence[str]) -> Findings:
    """Run the measurements of these names. One that fails is a line that says why; the others go on."""
    findings = Findings()
    for name in names:
        say(f"measuring {name} ...")
        try:
            MEASUREMENTS[name](setting, findings)
        except MissingExtra as missing:
            findings.figures.append(Measurement(name, "").without_value(MissingRival(str(missing))))
        except MeasurementRefused as refused:
            findings.figures.append(Measurement(name, "").without_value(refused))
    return findings


def render(findings: Findings) -> str:
    """What is printed: the figures, the race and the curves."""
    parts = [figure_table(findings.figures)] if findings.figures else []
    if findings.entrants:
        parts.append(_entrant_table(findings.entrants))
    for name, points in findings.curves.items():
        rows = [[name, "tokens/s", ""]] + [[f"{p['x']:,}", significant(p["tokens_per_second"]), ""] for p in points]
        if "cold_start_seconds" in points[0]:
            rows = [
                [*row[:2], extra]
                for row, extra in zip(
                    rows, ["cold start"] + [f"{p['cold_start_seconds']:.2f} s" for p in points], strict=True
                )
            ]
        parts.append(table(rows))
    return "\n".join(parts)


def _entrant_table(entrants: list[dict[str, Any]]) -> str:
    rows = [["tagger", "tokens/s", "median", "F1", "peak MB", "notes"]]
    for row in entrants:
        if "failed" in row:
            rows.append([row["name"], "-", "-", "-", "-", row["failed"]])
            continue
        speeds = [significant(row[name]) for name in ("tokens_per_second", "tokens_per_second_median")]
        peak = "-" if row["peak_bytes"] is None else f"{row['peak_bytes'] / 1e6:.0f}"
        notes = "; ".join(f"{row[name]}" for name in ("version", "ops", "training") if name in row)
        rows.append([row["name"], *speeds, f"{row['f1']:.2f}", peak, notes])
    return table(rows)


def as_dict(findings: Findings, setting: BenchSetting) -> dict[str, Any]:
    """All that was measured, with the machine, the versions and the data, ready for JSON."""
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
        "figures": [figure.as_dict() for figure in findings.figures],
        "entrants": findings.entrants,
        "curves": findings.curves,
    }


def write(findings: Findings, setting: BenchSetting, folder: Path) -> list[Path]:
    """Write ``bench.json`` and, where matplotlib is installed, ``bench.png``; gives the paths."""
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
