"""HTML pages of what the other modules here find. A page needs nothing but itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import jinja2

from tagsmith.formats.html_text import colour
from tagsmith.quality.calibration import CalibrationReport, panels
from tagsmith.quality.mistakes import KINDS, ErrorAnalysis, MistakeKind, SpanMatch
from tagsmith.quality.transitions import Transitions
from tagsmith.quality.word_classes import CLASSES
from tagsmith.text import Span

_PAGES = jinja2.Environment(
    loader=jinja2.PackageLoader("tagsmith", "quality"), autoescape=True, trim_blocks=True, lstrip_blocks=True
)
_PAGES.globals["colour"] = colour
_EXAMPLES = 100  # of each kind
_SUREST = 30
_STRINGS = 50
_LABELS = 40  # in tables by label
_AROUND = 8  # words of a sentence on either side of an example


def transitions_page(transitions: Transitions, title: str) -> str:
    """A page with the heat map of the transitions, the strongest and weakest steps, and those that are forbidden."""
    return _PAGES.get_template("transitions.html.jinja").render(
        title=title,
        transitions=transitions,
        shades=(255 * transitions.shades()).round().astype(int).tolist(),
        ranked=transitions.ranked(),
    )


def reliability_page(report: CalibrationReport, title: str) -> str:
    """A page with the reliability diagrams before and after calibration, and the figures they are drawn from."""
    return _PAGES.get_template("reliability.html.jinja").render(title=title, report=report, panels=panels(report))


def errors_page(analysis: ErrorAnalysis, title: str) -> str:
    """A page of the errors in an analysis: counts by kind, label and vocabulary, frequent strings, and examples."""
    wrong = [(case, match) for case, match in analysis.matches() if match.kind != "right"]
    by_label, confusion = analysis.by_label(), analysis.confusion()
    labels = {label for pair in confusion for label in pair if label is not None}
    mistakes = Counter(label for _, match in wrong for label in match.labels)
    most_mistaken = sorted(sorted(labels), key=lambda label: -mistakes[label])[:_LABELS]
    strings = analysis.wrong_strings()
    return _PAGES.get_template("errors.html.jinja").render(
        title=title,
        analysis=analysis,
        meanings=KINDS if analysis.scores.spans else {"right": "the tag as in gold", "type": "another tag"},
        by_kind=analysis.by_kind(),
        wrong=len(wrong),
        by_label={label: by_label.get(label, Counter()) for label in most_mistaken},
        labels=sorted(most_mistaken),
        all_labels=len(labels),
        confusion=confusion,
        vocabulary=analysis.by_vocabulary(),
        classes=CLASSES,
        by_confidence=analysis.by_confidence(),
        surest=[_example(case, match) for case, match in analysis.surest_errors()[:_SUREST]],
        strings=strings[:_STRINGS],
        all_strings=len(strings),
        examples={
            kind: [_example(case, match) for case, match in wrong if match.kind == kind][:_EXAMPLES]
            for kind in analysis.kinds[1:]
        },
    )


def _example(case: MistakeKind, match: SpanMatch) -> dict[str, Any]:
    """A stretch of a sentence as three rows: cells of (label, width) of gold, tokens, and the same of predicted."""
    spans = [span for span in (match.gold, match.predicted) if span]
    start = max(0, min(span.start for span in spans) - _AROUND)
    end = min(len(case.sentence), max(span.end for span in spans) + _AROUND)
    gold = [other.gold for other in case.matches if other.gold]
    predicted = sorted(other.predicted for other in case.matches if other.predicted)
    line = case.sentence.line_of(match.span.start)
    return {
        "place": f"{case.sentence.source}:{line}" if line is not None else case.sentence.source,
        "kind": match.kind,
        "confidence": case.confidence(match),
        "tokens": case.sentence.tokens[start:end],
        "cut": (start > 0, end < len(case.sentence)),
        "gold": list(_cells(gold, match.gold, start, end)),
        "predicted": list(_cells(predicted, match.predicted, start, end)),
    }


def _cells(spans: Sequence[Span], meant: Span | None, start: int, end: int) -> Iterator[tuple[str | None, int, bool]]:
    """The tokens from start to end as stretches: label (None outside all spans), width, whether it is the one meant."""
    at = start
    for span in spans:
        if span.end <= start or span.start >= end:
            continue
        first, last = max(span.start, start), min(span.end, end)
        if first > at:
            yield None, first - at, False
        yield span.label, last - first, span == meant
        at = last
    if at < end:
        yield None, end - at, False
