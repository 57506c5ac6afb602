"""One sentence after another, each in a call of its own, on a tagger that has tagged before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tagsmith import Sentence, Tagger
from tagsmith.bench.runner import BenchTask

WARM_UP = 20
"""Sentences of the file that come before the clock starts."""


def prepare(task: BenchTask) -> Callable[[], Callable[[], list[Any]]]:
    """Read the sentences; each run loads the model anew and tags the first few, which no timed sentence repeats."""
    sentences = [Sentence(tokens) for tokens in task.tokens("test")]
    model, precision = task.options["model"], task.options.get("precision", "fp32")
    before, timed = sentences[:WARM_UP], sentences[WARM_UP:]

    def fresh() -> Callable[[], list[Any]]:
        tagger = Tagger.load(model, threads=1, precision=precision)
        for sentence in before:
            tagger.tag(sentence)

        def run() -> list[Any]:
            answers = map(tagger.tag, timed)
            return [
                [len(answer.tags), [(span.start, span.end, span.label) for span in answer.spans]] for answer in answers
            ]

        return run

    return fresh
