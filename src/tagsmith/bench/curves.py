"""What tagging costs against sentence length, batch size, number of tags and size of the vocabulary."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tagsmith import store
from tagsmith.bench import inputs as corpus
from tagsmith.bench.measurements import MeasurementRefused
from tagsmith.bench.processes import start
from tagsmith.bench.setting import BenchSetting, Findings
from tagsmith.bench.workers import Entrant, own_job, race, timed
from tagsmith.text import Sentence

LENGTHS = (5, 10, 20, 40, 80, 160, 320, 640)
CALLS = (1, 2, 4, 8, 16, 32, 64, 256, 1024)
LABELS = (1, 4, 16, 48)
WORDS = (25_000, 100_000, 400_000, 1_000_000)
TOKENS = 10_000
REPEATS = 3
Points = list[dict[str, float]]
Check = Callable[[dict[str, Any]], object]


def curves(setting: BenchSetting, findings: Findings) -> None:
    """Four curves of tokens a second; the last has the seconds of a cold start too."""
    findings.curves["tokens in a sentence"] = _by_length(setting)
    some = _some(setting.sentences)
    test = corpus.write(some, setting.place("some.columns"))
    findings.curves["sentences in a call"] = _by_call(setting, some, test)
    findings.curves["tags"] = _by_tags(setting, some, test)
    findings.curves["words in the table"] = _by_words(setting, some, test)


def _tag(test: str, model: str | Path, chunk: int = 0) -> Entrant:
    return Entrant(own_job("tagging"), {"test": test, "model": str(model), "chunk": chunk})


def _points(entrants: dict[int, Entrant], tokens: Callable[[int], int], check: Check | None = None) -> Points:
    """Tokens a second of each; all points of a curve take turns.

    Args:
        tokens: how many each of them tags.
        check: called with every answer; raises ``MeasurementRefused`` for a wrong one.
    """
    points = []
    results = race({str(x): entrant for x, entrant in entrants.items()}, REPEATS)
    for x, result in zip(entrants, results.values(), strict=True):
        if isinstance(result, MeasurementRefused):
            raise result
        if result.answer["tags"] != tokens(x):
            raise MeasurementRefused(f"{result.answer['tags']:,} tags for {tokens(x):,} tokens")
        if check is not None:
            check(result.answer)
        points.append({"x": x, "tokens_per_second": tokens(x) / result.best})
    return points


def _by_length(setting: BenchSetting) -> Points:
    entrants, tokens = {}, {}
    for length in LENGTHS:
        sentences = corpus.of_length(setting.sentences, length, TOKENS)
        test = corpus.write(sentences, setting.place(f"length-{length}.columns"))
        entrants[length], tokens[length] = _tag(test, setting.model), length * len(sentences)
    return _points(entrants, tokens.__getitem__)


def _some(sentences: Sequence[Sentence]) -> list[Sentence]:
    """The first sentences, some 10,000 tokens of them."""
    some, tokens = [], 0
    for sentence in sentences:
        if tokens >= TOKENS:
            break
        some.append(sentence)
        tokens += len(sentence)
    return some


def _by_call(setting: BenchSetting, some: list[Sentence], test: str) -> Points:
    answers = [[span[:3] for span in answer.spans] for answer in setting.tagger.tag(some)]
    expected = [[list(span) for span in spans] for spans in answers]
    entrants = {chunk: _tag(test, setting.model, chunk) for chunk in CALLS if chunk <= len(some)}
    return _points(entrants, lambda _: _tokens(some), lambda answer: corpus.check_same(answer["spans"], expected))


def _by_tags(setting: BenchSetting, some: list[Sentence], test: str) -> Points:
    entrants = {}
    for labels in LABELS:
        model = corpus.with_labels(setting.tagger.model, labels)
        path = setting.place(f"labels-{labels}.safetensors")
        store.save(model, path)
        entrants[len(model.tags)] = _tag(test, path)
    return _points(entrants, lambda _: _tokens(some))


def _by_words(setting: BenchSetting, some: list[Sentence], test: str) -> Points:
    entrants = {}
    for words in WORDS:
        model = corpus.with_words(setting.tagger.model, words)
        path = setting.place(f"words-{words}.safetensors")
        store.save(model, path)
        entrants[len(model.alphabets.words)] = _tag(test, path)
    points = _points(entrants, lambda _: _tokens(some), lambda answer: corpus.check_answer(answer, some))
    for point, entrant in zip(points, entrants.values(), strict=True):
        point["cold_start_seconds"] = timed(start(entrant.options["model"]), REPEATS).best
        Path(entrant.options["model"]).unlink()
    return points


def _tokens(sentences: Sequence[Sentence]) -> int:
    return sum(map(len, sentences))
