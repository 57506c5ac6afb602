"""Self-contained HTML pages of transitions, reliability and errors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import jinja2

from tagsmith.formats.html_text import colour
from tagsmith.quality.calibration import CalibrationReport, panels
from tagsmith.quality.mistakes import KINDS, ErrorAnalysis, SentenceMatches, SpanMatch
from tagsmith.quality.transitions import TransitionMatrix
from tagsmith.quality.vocabulary_classes import VOCABULARY_CLASSES
from tagsmith.text import Span

_PAGES = jinja2.Environment(
    loader=jinja2.PackageLoader("tagsmith", "quality"), autoescape=True, trim_blocks=True, lstrip_blocks=True
)
_PAGES.globals["colour"] = colour
_EXAMPLES = 100  # of each kind
_MOST_CONFIDENT = 30
_STRINGS = 50
_LABELS = 40  # in tables by label
_CONTEXT = 8  # words of a sentence on either side of an example


class Cell(NamedTuple):
    """Adjacent tokens of an example: a span, or the tokens between two."""

    label: str | None
    """None outside all spans."""
    width: int
    marked: bool
    """Whether this is the span that the example is about."""


def transitions_page(transitions: TransitionMatrix, title: str) -> str:
    """Return a page with the heat map of the transitions, the strongest and weakest, and the forbidden ones."""
    return _PAGES.get_template("transitions.html.jinja").render(
        title=title,
        transitions=transitions,
        shades=(255 * transitions.shades()).round().astype(int).tolist(),
        ranked=transitions.ranked(),
    )


def reliability_page(report: CalibrationReport, title: str) -> str:
    """Return a page with the reliability diagrams before and after calibration, and their figures."""
    return _PAGES.get_template("reliability.html.jinja").render(title=title, report=report, panels=panels(report))


def errors_page(analysis: ErrorAnalysis, title: str) -> str:
    """Return a page of errors: counts by kind, label and vocabulary class, frequent strings, and examples."""
    wrong = [(sentence, match) for sentence, match in analysis.matches() if match.kind != "right"]
    by_label, confusion = analysis.by_label(), analysis.confusion()
    labels = {label for pair in confusion for label in pair if label is not None}
    mistakes = Counter(label for _, match in wrong for label in match.labels)
    most_mistaken = sorted(sorted(labels), key=lambda label: -mistakes[label])[:_LABELS]
    strings = analysis.wrong_strings()
    return _PAGES.get_template("errors.html.jinja").render(
        title=title,
        analysis=analysis,
        meanings=KINDS if analysis.scores.spans else {"right": "same tag as in gold", "type": "another tag"},
        by_kind=analysis.by_kind(),
        wrong=len(wrong),
        by_label={label: by_label.get(label, Counter()) for label in most_mistaken},
        labels=sorted(most_mistaken),
        all_labels=len(labels),
        confusion=confusion,
        vocabulary=analysis.by_vocabulary(),
        classes=VOCABULARY_CLASSES,
        by_confidence=analysis.by_confidence(),
        most_confident=[_example(*each) for each in analysis.most_confident_errors()[:_MOST_CONFIDENT]],
        strings=strings[:_STRINGS],
        all_strings=len(strings),
        examples={
            kind: [_example(sentence, match) for sentence, match in wrong if match.kind == kind][:_EXAMPLES]
            for kind in analysis.kinds[1:]
        },
    )


def _example(sentence: SentenceMatches, match: SpanMatch) -> dict[str, Any]:
    """Return an excerpt of a sentence as three rows: gold cells, tokens, and predicted cells."""
    tokens = sentence.sentence.tokens
    spans = [span for span in (match.gold, match.predicted) if span]
    start = max(0, min(span.start for span in spans) - _CONTEXT)
    end = min(len(tokens), max(span.end for span in spans) + _CONTEXT)
    gold = [other.gold for other in sentence.matches if other.gold]
    predicted = sorted(other.predicted for other in sentence.matches if other.predicted)
    line, source = sentence.sentence.line_of(match.span.start), sentence.sentence.source
    return {
        "place": f"{source}:{line}" if line is not None else source,
        "kind": match.kind,
        "confidence": sentence.confidence(match),
        "tokens": tokens[start:end],
        "cut": (start > 0, end < len(tokens)),
        "gold": list(_cells(gold, match.gold, start, end)),
        "predicted": list(_cells(predicted, match.predicted, start, end)),
    }


def _cells(spans: Sequence[Span], marked: Span | None, start: int, end: int) -> Iterator[Cell]:
    """Yield the cells of the tokens from start to end."""
    at = start
    for span in spans:
        if span.end <= start or span.start >= end:
            continue
        first, last = max(span.start, start), min(span.end, end)
        if first > at:
            yield Cell(None, first - at, marked=False)
        yield Cell(span.label, last - first, marked=span == marked)
        at = last
    if at < end:
        yield Cell(None, end - at, marked=False)
