"""All measurements by name, run one after another."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tagsmith.bench import cost_curves, crf_speed, process_costs, roofline, tagging_speed, training_speed
from tagsmith.bench.measurements import Measurement, MeasurementRefused, MissingRival
from tagsmith.bench.setting import BenchSetting, Findings
from tagsmith.bench.workers import say
from tagsmith.errors import MissingExtra

MEASUREMENTS: dict[str, Callable[[BenchSetting, Findings], None]] = {
    "tagging": tagging_speed.against_rivals,
    "latency": tagging_speed.latency,
    "cores": tagging_speed.two_cores,
    "training": training_speed.steps,
    "crf": crf_speed.loss_and_viterbi,
    "start": process_costs.cold_start,
    "memory": process_costs.memory,
    "install": process_costs.installed_size,
    "roofline": roofline.rates,
    "curves": cost_curves.curves,
}


def measure(setting: BenchSetting, names: Sequence[str]) -> Findings:
    """Run the measurements of these names. One that fails leaves its reason, and the others still run."""
    findings = Findings()
    for name in names:
        say(f"measuring {name} ...")
        try:
            MEASUREMENTS[name](setting, findings)
        except MissingExtra as missing:
            findings.add(Measurement(name, "").without_value(MissingRival(str(missing))))
        except MeasurementRefused as refused:
            findings.add(Measurement(name, "").without_value(refused))
    return findings
