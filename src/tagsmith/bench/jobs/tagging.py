"""Tokens in, spans out: in calls of ``chunk`` sentences (all at once unless given), or shared by ``threads``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tagsmith import Tagged, Tagger
from tagsmith.bench.serving import Task

Sentences = list[list[str]]


def prepare(task: Task) -> Callable[[], Callable[[], dict[str, Any]]]:
    """Read the sentences; each run loads the model anew."""
    sentences, model = task.tokens("test"), task.options["model"]
    chunk, threads = task.options.get("chunk", 0) or len(sentences), task.options.get("threads", 1)

    def fresh() -> Callable[[], dict[str, Any]]:
        tagger = Tagger.load(model)
        if threads > 1:
            return lambda: _shared(tagger, sentences, threads)
        return lambda: _join(_read(tagger.tag(part)) for part in _cut(sentences, chunk))

    return fresh


def _cut(sentences: Sentences, chunk: int) -> list[Sentences]:
    return [sentences[start : start + chunk] for start in range(0, len(sentences), chunk)]


def _read(answers: Iterable[Tagged]) -> dict[str, Any]:
    """The number of tags, and the spans of each sentence."""
    tags, spans = 0, []
    for answer in answers:
        tags += len(answer.tags)
        spans.append([(span.start, span.end, span.label) for span in answer.spans])
    return {"tags": tags, "spans": spans}


def _join(parts: Iterable[dict[str, Any]]) -> dict[str, Any]:
    tags, spans = 0, []
    for part in parts:
        tags += part["tags"]
        spans += part["spans"]
    return {"tags": tags, "spans": spans}


def _shared(tagger: Tagger, sentences: Sentences, threads: int) -> dict[str, Any]:
    """The threads share one tagger; each has a stretch of the sentences."""
    parts = _cut(sentences, -(-len(sentences) // threads))
    with ThreadPoolExecutor(threads) as pool:
        return _join(pool.map(lambda part: _read(tagger.tag(part)), parts))
