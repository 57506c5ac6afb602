"""The cost of tagging by sentence length, batch size, number of tags and size of the vocabulary."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tagsmith import store
from tagsmith.bench.checks import check_output, check_same
from tagsmith.bench.inputs import count_tokens, cut_to_length, first_tokens, write_columns
from tagsmith.bench.measurements import MeasurementRefused
from tagsmith.bench.process_costs import start
from tagsmith.bench.resized_models import with_labels, with_words
from tagsmith.bench.setting import BenchSetting, Findings
from tagsmith.bench.workers import Entrant, own_job, race_all, timed
from tagsmith.text import Sentence

LENGTHS = (5, 10, 20, 40, 80, 160, 320, 640)
CALLS = (1, 2, 4, 8, 16, 32, 64, 256, 1024)
LABELS = (1, 4, 16, 48)
WORDS = (25_000, 100_000, 400_000, 1_000_000)
TOKENS = 10_000
REPEATS = 3
Points = list[dict[str, float]]


def curves(setting: BenchSetting, findings: Findings) -> None:
    """Measure four curves of tokens per second; the last also has the seconds of a cold start."""
    findings.curves["tokens in a sentence"] = _by_length(setting)
    some = first_tokens(setting.sentences, TOKENS)
    test = write_columns(some, setting.path("some.columns"))
    findings.curves["sentences in a call"] = _by_call(setting, some, test)
    findings.curves["tags"] = _by_tags(setting, some, test)
    findings.curves["words in the table"] = _by_words(setting, some, test)


def _by_length(setting: BenchSetting) -> Points:
    entrants, tokens = {}, {}
    for length in LENGTHS:
        sentences = cut_to_length(setting.sentences, length, TOKENS)
        test = write_columns(sentences, setting.path(f"length-{length}.columns"))
        entrants[length], tokens[length] = _tagging(test, setting.model), count_tokens(sentences)
    return _points(entrants, tokens)


def _by_call(setting: BenchSetting, some: Sequence[Sentence], test: str) -> Points:
    expected = [[list(span[:3]) for span in tagged.spans] for tagged in setting.tagger.tag(some)]
    entrants = {chunk: _tagging(test, setting.model, chunk) for chunk in CALLS if chunk <= len(some)}
    tokens = dict.fromkeys(entrants, count_tokens(some))
    return _points(entrants, tokens, lambda output: check_same(output["spans"], expected))


def _by_tags(setting: BenchSetting, some: Sequence[Sentence], test: str) -> Points:
    entrants = {}
    for labels in LABELS:
        model = with_labels(setting.tagger.model, labels)
        path = setting.path(f"labels-{labels}.safetensors")
        store.save(model, path)
        entrants[len(model.tags)] = _tagging(test, path)
    return _points(entrants, dict.fromkeys(entrants, count_tokens(some)))


def _by_words(setting: BenchSetting, some: Sequence[Sentence], test: str) -> Points:
    entrants = {}
    for words in WORDS:
        model = with_words(setting.tagger.model, words)
        path = setting.path(f"words-{words}.safetensors")
        store.save(model, path)
        entrants[len(model.alphabets.words)] = _tagging(test, path)
    tokens = dict.fromkeys(entrants, count_tokens(some))
    points = _points(entrants, tokens, lambda output: check_output(output, some))
    for point, entrant in zip(points, entrants.values(), strict=True):
        point["cold_start_seconds"] = timed(start(entrant.options["model"]), REPEATS).best
        Path(entrant.options["model"]).unlink()
    return points


def _tagging(test: str, model: str | Path, chunk: int = 0) -> Entrant:
    return Entrant(own_job("tagging"), {"test": test, "model": str(model), "chunk": chunk})


def _points(
    entrants: Mapping[int, Entrant],
    tokens: Mapping[int, int],
    check: Callable[[dict[str, Any]], object] | None = None,
) -> Points:
    """Return the tokens per second of each entrant; they take turns.

    Args:
        tokens: the number of tokens that each of them tags.
        check: called with every output; raises ``MeasurementRefused`` for a wrong one.
    """
    points = []
    timings = race_all({str(x): entrant for x, entrant in entrants.items()}, REPEATS)
    for x, timing in zip(entrants, timings.values(), strict=True):
        if timing.output["tags"] != tokens[x]:
            raise MeasurementRefused(f"{timing.output['tags']:,} tags for {tokens[x]:,} tokens")
        if check is not None:
            check(timing.output)
        points.append({"x": x, "tokens_per_second": tokens[x] / timing.best})
    return points
