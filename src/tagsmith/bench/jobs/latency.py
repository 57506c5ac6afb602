"""Tag one sentence per call, on a warm tagger."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tagsmith import Sentence, Tagger
from tagsmith.bench.runner import BenchTask

WARM_UP = 20
"""Sentences of the file that are tagged before the clock starts."""


def prepare(task: BenchTask) -> Callable[[], Callable[[], list[Any]]]:
    """Read the sentences. Each run loads the model and first tags the warm-up sentences, which are not timed."""
    sentences = [Sentence(tokens) for tokens in task.tokens("test")]
    model, precision = task.options["model"], task.options.get("precision", "fp32")
    warm_up, timed = sentences[:WARM_UP], sentences[WARM_UP:]

    def fresh() -> Callable[[], list[Any]]:
        tagger = Tagger.load(model, threads=1, precision=precision)
        for sentence in warm_up:
            tagger.tag(sentence)

        def run() -> list[Any]:
            tagged = map(tagger.tag, timed)
            return [[len(one.tags), [(span.start, span.end, span.label) for span in one.spans]] for one in tagged]

        return run

    return fresh
