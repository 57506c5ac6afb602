"""Tagging: against the rivals, one sentence at a time, and on two cores."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from tagsmith.bench import inputs as corpus
from tagsmith.bench.measurements import Measurement, MeasurementRefused, MissingRival, significant
from tagsmith.bench.rivals import SPACY, TAGGERS, TUTORIAL, USUAL
from tagsmith.bench.setting import BenchSetting, Findings
from tagsmith.bench.workers import Entrant, Timing, own_job, race, timed
from tagsmith.engine import int8_obstacle
from tagsmith.machine import cores

OURS, INT8 = "tagsmith", "tagsmith, int8"
LATENCY_TOKENS = 15


def against_rivals(setting: BenchSetting, findings: Findings) -> None:
    """Tokens in, spans out, all test sentences at once: tokens a second, F1 and memory of each, and our ratios."""
    options = {name: getattr(setting, name) for name in ("train", "test", "model")}
    entrants = {OURS: Entrant(own_job("tagging"), options)}
    results: dict[str, Timing | MeasurementRefused] = {}
    if obstacle := int8_obstacle(setting.tagger.model):
        results[INT8] = MissingRival(obstacle)
    else:
        entrants[INT8] = Entrant(own_job("tagging"), {**options, "precision": "int8"})
    for name, (environment, own) in TAGGERS.items():
        try:
            rival = setting.rivals.entrant(environment, {})
            # What a rival trained is used again for the same data and script only.
            folder = setting.place(f"{environment}-{corpus.digest(setting.train, rival.job)}")
            folder.mkdir(exist_ok=True)
            entrants[name] = replace(rival, options={**options, **own, "folder": str(folder)})
        except MeasurementRefused as missing:
            results[name] = missing
    results = {**race(entrants, setting.repeats), **results}
    speeds: dict[str, float | MeasurementRefused] = {}
    for name, result in results.items():
        row, speeds[name] = _entrant(name, result, setting)
        findings.entrants.append(row)
    how = f"{len(setting.sentences):,} sentences, {setting.tokens:,} tokens"
    spacy, crfsuite, quick_crfsuite = (_fastest(speeds, names) for names in (SPACY, [USUAL], [TUTORIAL]))
    for name, beside_spacy, beside_crfsuite in ((OURS, 2.5, 1.8), (INT8, 5.0, 3.5)):
        ours, what = speeds[name], name.replace(OURS, "tagging")
        _add(findings, Measurement(f"{what}, batched", "tokens/s", note=how), ours)
        _add(findings, Measurement(f"{what}: ratio to the faster spaCy", "x", target=beside_spacy), ours, spacy)
        _add(findings, Measurement(f"{what}: ratio to {USUAL}", "x", target=beside_crfsuite), ours, crfsuite)
        _add(findings, Measurement(f"{what}: ratio to {TUTORIAL}", "x"), ours, quick_crfsuite)
        _add(findings, Measurement(f"{what}: ratio to Flair", "x"), ours, _fastest(speeds, ["Flair"]))


def _entrant(
    name: str, result: Timing | MeasurementRefused, setting: BenchSetting
) -> tuple[dict[str, Any], float | MeasurementRefused]:
    """The line of one who raced, and the speed, in tokens a second, where the answer stood its check."""
    if isinstance(result, MeasurementRefused):
        if name not in (OURS, INT8) and not isinstance(result, MissingRival):
            result = MissingRival(f"failed: {result}")
        return {"name": name, "failed": str(result)}, result
    try:
        f1 = corpus.check_answer(result.answer, setting.sentences)
        # In fp32 equal to the digit; in int8 chosen on dev, and this is another file.
        near = {OURS: 0.0, INT8: 0.1}.get(name)
        if near is not None and abs(f1 - (expected := setting.plain_f1)) > near:
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


def _fastest(speeds: dict[str, float | MeasurementRefused], names: Iterable[str]) -> float | MeasurementRefused:
    """The highest speed among some; where one of them has none, why, as it might have been the fastest."""
    found = [speeds[name] for name in names]
    return next((speed for speed in found if isinstance(speed, MeasurementRefused)), None) or max(
        s for s in found if isinstance(s, float)
    )


def _add(
    findings: Findings, figure: Measurement, ours: float | MeasurementRefused, theirs: float | MeasurementRefused = 1.0
) -> None:
    """Add the figure ours / theirs, or why there is none."""
    if isinstance(ours, MeasurementRefused):
        findings.figures.append(figure.without_value(ours))
    elif isinstance(theirs, MeasurementRefused):
        findings.figures.append(figure.without_value(theirs))
    else:
        note = figure.note or f"{significant(ours)} against {significant(theirs)} tokens/s"
        findings.figures.append(replace(figure, value=ours / theirs, note=note))


def latency(setting: BenchSetting, findings: Findings) -> None:
    """One sentence of 15 tokens at a time, on a tagger that is warm; the spans must be those of tagging in a batch."""
    sentences = corpus.of_length(setting.sentences, LATENCY_TOKENS, 4_800)
    path = corpus.write(sentences, setting.place("latency.columns"))
    for precision in ("fp32", *([] if int8_obstacle(setting.tagger.model) else ["int8"])):
        options = {"test": path, "model": setting.model, "precision": precision}
        result = timed(Entrant(own_job("latency"), options), setting.repeats)
        batched = timed(Entrant(own_job("tagging"), options), 0).answer["spans"]
        count = len(result.answer)
        if any(tags != LATENCY_TOKENS for tags, _ in result.answer):
            raise MeasurementRefused("a sentence got too few tags")
        corpus.check_same([spans for _, spans in result.answer], batched[-count:])
        note = f"mean of {count} different sentences; median run {significant(1000 * result.median / count)} ms"
        name = f"one sentence of 15 tokens, warm, {precision}"
        findings.figures.append(Measurement(name, "ms", 1000 * result.best / count, "<=", 0.5, note))


def two_cores(setting: BenchSetting, findings: Findings) -> None:
    """A tagger of two threads on two cores against one of one thread; the spans must be the same."""
    if len(cores()) < 2:
        raise MissingRival("this process may run on one core only")
    options = {"test": setting.test, "model": setting.model}
    job, both = own_job("tagging"), cores()[:2]
    # One thread on each core in turn: were one core busier than the other, two would look better than they are.
    entrants = {f"core {core}": Entrant(job, options, cores=[core]) for core in both}
    entrants["both"] = Entrant(job, {**options, "threads": 2}, cores=both)
    results = []
    for result in race(entrants, setting.repeats).values():
        if isinstance(result, MeasurementRefused):
            raise result
        corpus.check_answer(result.answer, setting.sentences)
        corpus.check_same(result.answer["spans"], (results or [result])[0].answer["spans"])
        results.append(result)
    *alone, shared = [setting.tokens / result.best for result in results]
    note = f"a tagger of two threads: {significant(shared)} against {significant(max(alone))} tokens/s"
    findings.figures.append(Measurement("tagging: two cores over one", "x", shared / max(alone), target=1.7, note=note))
