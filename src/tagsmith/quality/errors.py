"""Where a model errs: every gold and every predicted span, matched one to one, and what they have in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from tagsmith.metrics import Count, Scores
from tagsmith.quality.vocabulary import CLASSES, Classify
from tagsmith.text import Sentence, Span

Kind = Literal["right", "type", "boundary", "both", "missed", "invented"]
KINDS: dict[Kind, str] = {
    "right": "boundaries and label as in gold",
    "type": "boundaries as in gold, another label",
    "boundary": "label as in gold, other boundaries",
    "both": "overlaps a gold span, with other boundaries and another label",
    "missed": "a gold span that no predicted one is left for",
    "invented": "a predicted span that no gold one is left for",
}


class Match(NamedTuple):
    """A gold span and the predicted one that stands for it; None where there is none."""

    kind: Kind
    gold: Span | None
    predicted: Span | None


def match(gold: Iterable[Span], predicted: Iterable[Span]) -> list[Match]:
    """Every gold and every predicted span of a sentence exactly once, in order of their places.

    Overlapping spans are paired off, each with one other at most: first those with equal boundaries and label, then
    with equal boundaries, then with an equal label, then the others; among these the one with the longer overlap
    first, then the earlier. What is left over is missed or invented. So the gold spans are those that are right, type,
    boundary, both and missed; the predicted ones those that are right, type, boundary, both and invented.
    """
    gold, predicted = list(gold), list(predicted)
    pairs = sorted(
        (g[:2] != p[:2], g.label != p.label, max(g.start, p.start) - min(g.end, p.end), g, p)
        for g in gold
        for p in predicted
        if g.start < p.end and p.start < g.end
    )
    kinds: dict[tuple[bool, bool], Kind]
    kinds = {(False, False): "right", (False, True): "type", (True, False): "boundary", (True, True): "both"}
    matches, matched_gold, matched_predicted = [], set[Span](), set[Span]()
    for other_boundaries, other_label, _, g, p in pairs:
        if g not in matched_gold and p not in matched_predicted:
            matches.append(Match(kinds[other_boundaries, other_label], g, p))
            matched_gold.add(g)
            matched_predicted.add(p)
    matches += [Match("missed", g, None) for g in gold if g not in matched_gold]
    matches += [Match("invented", None, p) for p in predicted if p not in matched_predicted]
    return sorted(matches, key=lambda found: found.gold or found.predicted or ())
