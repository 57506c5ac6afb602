"""The speed of tagging: compared with rivals, one sentence at a time, and on two cores."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from tagsmith.bench.checks import check_output, check_same
from tagsmith.bench.inputs import cut_to_length, digest, write_columns
from tagsmith.bench.measurements import Measurement, MeasurementRefused, MissingRival, significant
from tagsmith.bench.rivals import SPACY, TAGGERS, TUTORIAL, USUAL
from tagsmith.bench.setting import BenchSetting, Findings
from tagsmith.bench.workers import Entrant, Timing, own_job, race, race_all, timed
from tagsmith.engine import int8_obstacle
from tagsmith.machine import cores

OURS, INT8 = "tagsmith", "tagsmith, int8"
LATENCY_TOKENS = 15


def against_rivals(setting: BenchSetting, findings: Findings) -> None:
    """Measure the speed, F1 and memory of each tagger on all test sentences at once, and our ratios to the rivals."""
    speeds: dict[str, float | MeasurementRefused] = {}
    for name, result in _race_taggers(setting).items():
        row, speeds[name] = _entrant(name, result, setting)
        findings.entrants.append(row)
    note = f"{len(setting.sentences):,} sentences, {setting.tokens:,} tokens"
    spacy, usual, tutorial, flair = (_fastest(speeds, names) for names in (SPACY, [USUAL], [TUTORIAL], ["Flair"]))
    for name, spacy_target, usual_target in ((OURS, 2.5, 1.8), (INT8, 5.0, 3.5)):
        ours, title = speeds[name], name.replace(OURS, "tagging")
        findings.add(
            _ratio(Measurement(f"{title}, batched", "tokens/s", note=note), ours),
            _ratio(Measurement(f"{title}: ratio to the faster spaCy", "x", target=spacy_target), ours, spacy),
            _ratio(Measurement(f"{title}: ratio to {USUAL}", "x", target=usual_target), ours, usual),
            _ratio(Measurement(f"{title}: ratio to {TUTORIAL}", "x"), ours, tutorial),
            _ratio(Measurement(f"{title}: ratio to Flair", "x"), ours, flair),
        )


def _race_taggers(setting: BenchSetting) -> dict[str, Timing | MeasurementRefused]:
    """Return the runs of our model in fp32 and int8 and of every rival, or the reason that there are none."""
    options = {name: getattr(setting, name) for name in ("train", "test", "model")}
    entrants = {OURS: Entrant(own_job("tagging"), options)}
    missing: dict[str, Timing | MeasurementRefused] = {}
    if obstacle := int8_obstacle(setting.tagger.model):
        missing[INT8] = MissingRival(obstacle)
    else:
        entrants[INT8] = Entrant(own_job("tagging"), {**options, "precision": "int8"})
    for name, (environment, own) in TAGGERS.items():
        try:
            rival = setting.rivals.entrant(environment, {})
        except MissingRival as reason:
            missing[name] = reason
            continue
        # A trained rival is used again only for the same data and script.
        folder = setting.path(f"{environment}-{digest(setting.train, rival.job)}")
        folder.mkdir(exist_ok=True)
        entrants[name] = replace(rival, options={**options, **own, "folder": str(folder)})
    return {**race(entrants, setting.repeats), **missing}


def _entrant(
    name: str, result: Timing | MeasurementRefused, setting: BenchSetting
) -> tuple[dict[str, Any], float | MeasurementRefused]:
    """Return a tagger's row, and its speed in tokens per second if its output passed the check."""
    if isinstance(result, MeasurementRefused):
        if name not in (OURS, INT8) and not isinstance(result, MissingRival):
            result = MissingRival(f"failed: {result}")
        return {"name": name, "failed": str(result)}, result
    try:
        f1 = check_output(result.output, setting.sentences)
        # Exact in fp32. In int8 it was chosen on dev, and this is another file.
        tolerance = {OURS: 0.0, INT8: 0.1}.get(name)
        if tolerance is not None and abs(f1 - (expected := setting.plain_f1)) > tolerance:
            raise MeasurementRefused(f"F1 {f1:.2f}, where the plain engine gives {expected:.2f}")
    except MeasurementRefused as refused:
        return {"name": name, "failed": str(refused)}, refused
    speed = setting.tokens / result.best
    row = {
        "name": name,
        "tokens_per_second": speed,
        "tokens_per_second_median": setting.tokens / result.median,
        "f1": f1,
        "peak_bytes": result.peak_bytes,
        "seconds": result.seconds,
        **result.notes,
    }
    return row, speed


def _fastest(speeds: Mapping[str, float | MeasurementRefused], names: Iterable[str]) -> float | MeasurementRefused:
    """Return the highest of some speeds; if one is missing, the reason, as it might have been the highest."""
    highest = 0.0
    for name in names:
        speed = speeds[name]
        if isinstance(speed, MeasurementRefused):
            return speed
        highest = max(highest, speed)
    return highest


def _ratio(
    measurement: Measurement, ours: float | MeasurementRefused, theirs: float | MeasurementRefused = 1.0
) -> Measurement:
    """Return the measurement with the value ours / theirs, or the reason that there is none."""
    if isinstance(ours, MeasurementRefused):
        return measurement.without_value(ours)
    if isinstance(theirs, MeasurementRefused):
        return measurement.without_value(theirs)
    note = measurement.note or f"{significant(ours)} against {significant(theirs)} tokens/s"
    return replace(measurement, value=ours / theirs, note=note)


def latency(setting: BenchSetting, findings: Findings) -> None:
    """Time single sentences of 15 tokens on a warm tagger; their spans must be those of tagging in a batch."""
    sentences = cut_to_length(setting.sentences, LATENCY_TOKENS, 4_800)
    path = write_columns(sentences, setting.path("latency.columns"))
    for precision in ("fp32", *([] if int8_obstacle(setting.tagger.model) else ["int8"])):
        options = {"test": path, "model": setting.model, "precision": precision}
        timing = timed(Entrant(own_job("latency"), options), setting.repeats)
        batched = timed(Entrant(own_job("tagging"), options), 0).output["spans"]
        count = len(timing.output)
        if any(tags != LATENCY_TOKENS for tags, _ in timing.output):
            raise MeasurementRefused("a sentence got too few tags")
        check_same([spans for _, spans in timing.output], batched[-count:])
        median = significant(1000 * timing.median / count)
        note = f"mean of {count} different sentences; median run {median} ms"
        name = f"one sentence of 15 tokens, warm, {precision}"
        findings.add(Measurement(name, "ms", 1000 * timing.best / count, "<=", 0.5, note))


def two_cores(setting: BenchSetting, findings: Findings) -> None:
    """Compare a tagger of two threads on two cores with one of one thread; their spans must be the same."""
    if len(cores()) < 2:
        raise MissingRival("this process may run on one core only")
    options = {"test": setting.test, "model": setting.model}
    job, both = own_job("tagging"), cores()[:2]
    # One thread is timed on each core: if one core were busier, two would look better than they are.
    entrants = {f"core {core}": Entrant(job, options, cores=[core]) for core in both}
    entrants["both"] = Entrant(job, {**options, "threads": 2}, cores=both)
    timings = list(race_all(entrants, setting.repeats).values())
    for timing in timings:
        check_output(timing.output, setting.sentences)
        check_same(timing.output["spans"], timings[0].output["spans"])
    *alone, shared = [setting.tokens / timing.best for timing in timings]
    note = f"a tagger of two threads: {significant(shared)} against {significant(max(alone))} tokens/s"
    findings.add(Measurement("tagging: two cores over one", "x", shared / max(alone), target=1.7, note=note))
