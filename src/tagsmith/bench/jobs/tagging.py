"""Tag tokens and return spans, ``chunk`` sentences per call (default all), with ``threads`` threads (default one), in
``precision`` (default fp32)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tagsmith import Tagger
from tagsmith.bench.runner import BenchTask


def prepare(task: BenchTask) -> Callable[[], Callable[[], dict[str, Any]]]:
    """Read the sentences. Each run loads the model."""
    sentences, model = task.tokens("test"), task.options["model"]
    chunk, threads = task.options.get("chunk", 0) or len(sentences), task.options.get("threads", 1)
    precision = task.options.get("precision", "fp32")
    calls = [sentences[start : start + chunk] for start in range(0, len(sentences), chunk)]

    def fresh() -> Callable[[], dict[str, Any]]:
        tagger = Tagger.load(model, threads=threads, precision=precision)

        def run() -> dict[str, Any]:
            tags, spans = 0, []
            for call in calls:
                for tagged in tagger.tag(call):
                    tags += len(tagged.tags)
                    spans.append([(span.start, span.end, span.label) for span in tagged.spans])
            return {"tags": tags, "spans": spans}

        return run

    return fresh
