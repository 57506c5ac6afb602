"""A report as Markdown: its tables, and the text around it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tagsmith.errors import DataError
from tagsmith.reproduce.report.blocks import Grid, Section
from tagsmith.reproduce.report.markdown_report import END, START, to_markdown
from tagsmith.reproduce.report.writing import write_report
from tagsmith.reproduce.results import Results


def test_a_section_has_its_paragraphs_command_and_tables_in_order():
    section = Section("Title", ("One.", "Two."), "tagsmith x", (Grid(("a", "b"), [("1", "|")], "Name"),))
    page = to_markdown("before\n", "after\n", ["Reading."], [section])
    body = "## How to read this\n\nReading.\n\n## Title\n\nOne.\n\nTwo.\n\n    tagsmith x\n\n"
    table = "Name:\n\n| a | b |\n| --- | --- |\n| 1 | \\| |"
    assert page == f"before\n{START}\n{body}{table}\n\n{END}after\n"


def test_the_text_around_a_report_is_kept(results: Results, tmp_path: Path):
    target = tmp_path / "results.md"
    write_report(results, target)
    whole = target.read_text("utf-8")
    before, after = "# Mine\n\nA head.\n\n", "\n## More\n"
    inside = whole.removeprefix("# Results\n\n")
    target.write_text(before + inside.replace("How to read", "old") + after, "utf-8")
    write_report(results, target)
    assert target.read_text("utf-8") == before + inside + after
    target.write_text("# Mine\n")
    with pytest.raises(DataError, match="found a file without the marks of a report"):
        write_report(results, target)
    assert target.read_text("utf-8") == "# Mine\n"
