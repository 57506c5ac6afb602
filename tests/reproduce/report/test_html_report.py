"""A report as HTML: complete, escaped and self-contained."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

from tagsmith.reproduce.report.writing import write_report
from tagsmith.reproduce.results import Results


class _Reader(HTMLParser):
    """A parser that collects the tags, the text, and every attribute that would fetch another file."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.elsewhere: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.elsewhere += [name for name, _ in attrs if name in ("src", "href", "xlink:href", "srcset")]
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_is_complete_escaped_and_self_contained(results: Results, tmp_path: Path):
    write_report(results, tmp_path / "results.md")
    content = (tmp_path / "results.html").read_text("utf-8")
    reader = _Reader()
    reader.feed(content)
    assert reader.open == []
    assert reader.elsewhere == []
    assert not re.search(r"url\(|@import|<script", content)
    assert "b" not in reader.seen
    assert "rival: <b>spaCy| 0.9.11, on other files" in reader.text
    assert "prefers-color-scheme: dark" in content
    markdown = (tmp_path / "results.md").read_text("utf-8")
    for row in re.findall(r"^\| (.*) \|$", markdown, re.MULTILINE):
        if not row.startswith("---"):
            cells = [cell.replace(r"\|", "|") for cell in re.split(r" (?<!\\)\| ", row)]
            assert all(cell in reader.text for cell in cells)
