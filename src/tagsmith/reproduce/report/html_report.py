"""A report as one HTML page that needs nothing but itself, and both files of a report."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import jinja2

from tagsmith.files import replacing
from tagsmith.reproduce.records import Results
from tagsmith.reproduce.report import drawing, markdown
from tagsmith.reproduce.report.blocks import Section
from tagsmith.reproduce.report.rival_scores import read_rivals
from tagsmith.reproduce.report.sections import READING, sections

_PAGE = jinja2.Environment(
    loader=jinja2.PackageLoader("tagsmith.reproduce", "report"), autoescape=True, trim_blocks=True, lstrip_blocks=True
)


def write_report(results: Results, path: Path) -> None:
    """Write a folder's report into a Markdown file, and beside it as a page of HTML.

    Raises:
        DataError: no records, damaged ones, or a file without a place for the report.
    """
    before, after = markdown.around(path)
    found = sections(results.read_all(), read_rivals(results.folder))
    for file, text in (
        (path, markdown.page(before, after, READING, found)),
        (path.with_suffix(".html"), html(READING, found)),
    ):
        with replacing(file) as temporary:
            temporary.write_text(text, "utf-8", newline="\n")


def html(reading: Iterable[str], sections: Iterable[Section]) -> str:
    """The page."""
    return _PAGE.get_template("page.html.jinja").render(
        reading=reading, sections=sections, drawing=drawing, title="tagsmith reproduce"
    )
