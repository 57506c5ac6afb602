"""Write a report: a Markdown file, and an HTML page with the same tables and with charts."""

from __future__ import annotations

from pathlib import Path

from tagsmith.files import replacing
from tagsmith.reproduce.report.html_report import to_html
from tagsmith.reproduce.report.markdown_report import surrounding_text, to_markdown
from tagsmith.reproduce.report.rival_scores import read_rivals
from tagsmith.reproduce.report.sections import READING, sections
from tagsmith.reproduce.results import Results


def write_report(results: Results, path: Path) -> None:
    """Write the report of a results folder to a Markdown file, and to an HTML file of the same name.

    Raises:
        DataError: there are no records, some are damaged, or the Markdown file lacks the marks of a report.
    """
    before, after = surrounding_text(path)
    content = sections(results.read_all(), read_rivals(results.folder))
    pages = {
        path: to_markdown(before, after, READING, content),
        path.with_suffix(".html"): to_html(READING, content),
    }
    for file, text in pages.items():
        with replacing(file) as temporary:
            temporary.write_text(text, "utf-8", newline="\n")
