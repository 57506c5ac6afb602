"""A report as Markdown, between two marks, so that the page can have its own text before and after it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from tagsmith.errors import DataError
from tagsmith.reproduce.report.blocks import Grid, Section

START, END = "<!-- made by tagsmith reproduce --report -->\n", "<!-- end -->\n"


def to_markdown(before: str, after: str, reading: Iterable[str], sections: Iterable[Section]) -> str:
    """Return the whole page, with the given text before and after the report."""
    blocks = ["## How to read this", *reading, *(block for section in sections for block in _blocks(section))]
    body = "\n\n".join(blocks)
    return f"{before}{START}\n{body}\n\n{END}{after}"


def surrounding_text(path: Path) -> tuple[str, str]:
    """Return the text before and after the report in a file; a title if there is no file yet.

    Raises:
        DataError: the file lacks the marks.
    """
    if not path.exists():
        return "# Results\n\n", ""
    text = path.read_text("utf-8")
    before, start, rest = text.partition(START)
    _, end, after = rest.partition(END)
    if not (start and end):
        found = "a file without the marks of a report"
        raise DataError(found, f"{START.strip()} and {END.strip()} in it", source=str(path))
    return before, after


def _blocks(section: Section) -> Iterator[str]:
    yield f"## {section.title}"
    yield from section.paragraphs
    if section.command:
        yield f"    {section.command}"
    for grid in section.grids:
        if grid.title:
            yield f"{grid.title}:"
        yield _table(grid)


def _table(grid: Grid) -> str:
    return "\n".join(map(_row, [grid.columns, ["---"] * len(grid.columns), *grid.rows]))


def _row(cells: Sequence[str]) -> str:
    escaped = [cell.replace("|", "\\|") for cell in cells]
    return f"| {' | '.join(escaped)} |"
