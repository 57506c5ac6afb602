"""A self-contained HTML page: running text with its spans marked, one colour a label, the paler the less probable."""

from __future__ import annotations

import colorsys
import zlib
from collections.abc import Iterable, Iterator
from functools import cache
from typing import TYPE_CHECKING, TextIO

from tagsmith.formats.columns import Columns
from tagsmith.formats.format import Prediction
from tagsmith.schemes import OUTSIDE
from tagsmith.text import Tagged

if TYPE_CHECKING:
    import jinja2


def write_predictions(predictions: Iterable[Prediction], file: TextIO, columns: Columns | None = None) -> None:
    """Write the page of some predictions."""
    file.writelines(page(tagged for _, tagged in predictions))


def page(predictions: Iterable[Tagged], title: str = "tagsmith") -> Iterator[str]:
    """Yield the page piece by piece, one paragraph for each prediction. Its probabilities show on hover."""
    rows = (
        (list(_pieces(tagged)) or [(tagged.text, None, None)], _sentence_probabilities(tagged))
        for tagged in predictions
    )
    return _template().generate(title=title, predictions=rows, colour=colour)


def colour(label: str, probability: float | None = None) -> str:
    """Return a light background for a label, the same on every page, and paler the less probable the span is.

    The labels of CoNLL-2003 have colours chosen by hand.
    """
    hues = {"PER": 0.58, "LOC": 0.38, "ORG": 0.09, "MISC": 0.80}
    hue = hues.get(label, zlib.crc32(label.encode()) % 360 / 360)
    red, green, blue = (round(255 * part) for part in colorsys.hls_to_rgb(hue, 0.86, 0.75))
    return f"#{red:02x}{green:02x}{blue:02x}" + ("" if probability is None else f"{round(255 * probability):02x}")


@cache
def _template() -> jinja2.Template:
    import jinja2  # only when a page is written, so that all else starts sooner

    loader = jinja2.PackageLoader("tagsmith", "formats")
    environment = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return environment.get_template("html_text.html.jinja")


def _pieces(tagged: Tagged) -> Iterator[tuple[str, str | None, float | None]]:
    """Yield the text in pieces, each with its label and probability, or None. Plain tags label every token."""
    spans = [(span.start_char, span.end_char, span.label, span.probability) for span in tagged.spans]
    if not spans and any(tag != OUTSIDE for tag in tagged.tags):
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


def _sentence_probabilities(tagged: Tagged) -> str:
    return ", ".join(f"{probability:.6g}" for probability in tagged.sentence_probabilities or ())
