"""Update the table in docs/data.md from the registry in the package. Run it after every change of the registry."""

from __future__ import annotations

from pathlib import Path

from tagsmith.cli.data import task_and_size
from tagsmith.corpora import DataSet, read_registry
from tagsmith.corpora.registry import is_downloadable

TARGET = Path(__file__).with_name("data.md")
START, END = "<!-- made by docs/make_data.py -->\n", "<!-- end -->\n"


def render(page: str) -> str:
    """Return the page with updated tables."""
    before, _, rest = page.partition(START)
    _, _, after = rest.partition(END)
    return f"{before}{START}{_tables()}{END}{after}"


def _tables() -> str:
    entries = read_registry().entries
    lines = ["| name | title | task, language | sentences or words | licence | models may be published | download |"]
    lines.append("|---|---|---|---|---|---|---|")
    lines += [_row(name, entry) for name, entry in entries.items()]
    lines += ["", "How to get each:", ""]
    lines += [
        f"- `{name}`: {entry.how} [Homepage]({entry.homepage}). {entry.citation}." for name, entry in entries.items()
    ]
    return "\n".join(lines) + "\n"


def _row(name: str, entry: DataSet) -> str:
    task, size = task_and_size(entry)
    cells = (f"`{name}`", entry.title, f"{task}, {entry.language}", size, entry.licence)
    flags = ("yes" if flag else "no" for flag in (entry.shippable, is_downloadable(entry)))
    return f"| {' | '.join((*cells, *flags))} |"


if __name__ == "__main__":
    TARGET.write_text(render(TARGET.read_text("utf-8")), "utf-8", newline="\n")
