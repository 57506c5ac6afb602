"""A page to look at: running text with its spans marked, one colour a label. It needs nothing but itself."""

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
    """The page, piece by piece, one paragraph for each answer as it comes."""
    pieces = ((list(_pieces(tagged)) or [(tagged.text, None)]) for tagged in answers)
    return _PAGE.get_template("page.html.jinja").generate(title=title, answers=pieces, colour=colour)


def colour(label: str) -> str:
    """A light background for a label, the same on every page. The four of CoNLL-2003 are told apart by hand."""
    hues = {"PER": 0.58, "LOC": 0.38, "ORG": 0.09, "MISC": 0.80}
    hue = hues.get(label, zlib.crc32(label.encode()) % 360 / 360)
    red, green, blue = (round(255 * part) for part in colorsys.hls_to_rgb(hue, 0.86, 0.75))
    return f"#{red:02x}{green:02x}{blue:02x}"


def _pieces(tagged: Tagged) -> Iterator[tuple[str, str | None]]:
    """The text in pieces, each with its label or None. Tags without spans label every token."""
    spans = [(span.start_char, span.end_char, span.label) for span in tagged.spans]
    if not spans and any(tag != "O" for tag in tagged.tags):
        spans = [(start, end, tag) for (start, end), tag in zip(tagged.offsets, tagged.tags, strict=True)]
    at = 0
    for start, end, label in spans:
        if start > at:
            yield tagged.text[at:start], None
        yield tagged.text[start:end], label
        at = end
    if at < len(tagged.text):
        yield tagged.text[at:], None
