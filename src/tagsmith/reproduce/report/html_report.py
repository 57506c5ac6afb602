"""A report as one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Iterable

import jinja2

from tagsmith.reproduce.report import svg
from tagsmith.reproduce.report.blocks import Section

_TEMPLATES = jinja2.Environment(
    loader=jinja2.PackageLoader("tagsmith.reproduce", "report"), autoescape=True, trim_blocks=True, lstrip_blocks=True
)


def to_html(reading: Iterable[str], sections: Iterable[Section]) -> str:
    """Return the page."""
    return _TEMPLATES.get_template("report.html.jinja").render(
        reading=reading, sections=sections, svg=svg, title="tagsmith reproduce"
    )
