"""A page to look at: running text with its spans marked, one colour a label, the paler the less probable.

It needs nothing but itself.
"""

from __future__ import annotations

import colorsys
import zlib
from collections.abc import Iterable, Iterator

import jinja2

from tagsmith.text import Tagged

_PAGE = jinja2.Environment(
    loader=jinja2.PackageLoader("tagsmith", "formats"), autoescape=True, trim_blocks=True, lstrip_blocks=True
)


def page(answers: Iterable[Tagged], title: str = "tagsmith") -> Iterator[str]:
    """The page, piece by piece, one paragraph for each answer as it comes. Its probabilities show on hover."""
    pieces = ((list(_pieces(tagged)) or [(tagged.text, None, None)], _of_sentences(tagged)) for tagged in answers)
    return _PAGE.get_template("page.html.jinja").generate(title=title, answers=pieces, colour=colour)


def colour(label: str, probability: float | None = None) -> str:
    """A light background for a label, the same on every page, paler where it is less probable.

    The labels of CoNLL-2003 are told apart by hand.
    """
    hues = {"PER": 0.58, "LOC": 0.38, "ORG": 0.09, "MISC": 0.80}
    hue = hues.get(label, zlib.crc32(label.encode()) % 360 / 360)
    red, green, blue = (round(255 * part) for part in colorsys.hls_to_rgb(hue, 0.86, 0.75))
    return f"#{red:02x}{green:02x}{blue:02x}" + ("" if probability is None else f"{round(255 * probability):02x}")


def _pieces(tagged: Tagged) -> Iterator[tuple[str, str | None, float | None]]:
    """The text in pieces, each with its label and probability, or None. Tags without spans label every token."""
    spans = [(span.start_char, span.end_char, span.label, span.probability) for span in tagged.spans]
    if not spans and any(tag != "O" for tag in tagged.tags):
        probabilities = tagged.token_probabilities or [None] * len(tagged)
        tokens = zip(tagged.offsets, tagged.tags, probabilities, strict=True)
        spans = [(start, end, tag, probability) for (start, end), tag, probability in tokens]
    at = 0
    for start, end, label, probability in spans:
        if start > at:
            yield tagged.text[at:start], None, None
        yield tagged.text[start:end], label, probability
        at = end
    if at < len(tagged.text):
        yield tagged.text[at:], None, None


def _of_sentences(tagged: Tagged) -> str:
    """The probabilities of an answer's sentences, or nothing."""
    return ", ".join(f"{probability:.6g}" for probability in tagged.sentence_probabilities or ())
