"""Checks of what taggers return. A tagger that fails them gets no speed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tagsmith import metrics
from tagsmith.bench.inputs import count_tokens
from tagsmith.bench.measurements import MeasurementRefused
from tagsmith.schemes import SCHEMES
from tagsmith.text import Sentence, Span


def check_output(output: dict[str, Any], gold: Sequence[Sentence]) -> float:
    """Check the output of a tagging job, and return its F1.

    Raises:
        MeasurementRefused: a token has no tag, or no span is right.
    """
    tokens = count_tokens(gold)
    if output["tags"] != tokens or len(output["spans"]) != len(gold):
        found = f"{output['tags']:,} tags in {len(output['spans']):,} sentences"
        raise MeasurementRefused(f"{found} for {tokens:,} tokens in {len(gold):,}")
    write_tags = SCHEMES["IOB2"].write
    rows = (
        write_tags([Span(*span) for span in spans], len(sentence))
        for spans, sentence in zip(output["spans"], gold, strict=True)
    )
    scores = metrics.score(zip((sentence.tags or () for sentence in gold), rows, strict=True), spans=True)
    if not scores.f1:
        raise MeasurementRefused("not one span is right")
    return scores.f1


def check_same(spans: Sequence[Any], others: Sequence[Any]) -> None:
    """Check that the same sentences got the same spans twice.

    One sentence in a thousand may differ, since float32 products of another shape are rounded differently.

    Raises:
        MeasurementRefused: more sentences differ.
    """
    differing = sum(a != b for a, b in zip(spans, others, strict=True))
    if differing > len(spans) / 1000:
        raise MeasurementRefused(f"{differing} of {len(spans)} sentences got other spans")
