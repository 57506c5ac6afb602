"""Standard streams: data on stdout, messages and progress on stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

import click
import msgspec

from tagsmith.errors import DataError
from tagsmith.files import Watch, replacing
from tagsmith.tagger import Tagger


class SkippedLines:
    """Counts the malformed lines that were skipped, and prints the first few of them on stderr."""

    _SHOWN = 3

    def __init__(self, enabled: bool) -> None:
        self.count = 0
        self.on_bad: Callable[[DataError], None] | None = self._add if enabled else None

    def _add(self, error: DataError) -> None:
        self.count += 1
        if self.count <= self._SHOWN:
            click.echo(f"skipped: {error}", err=True)

    def print_count(self) -> None:
        """Print how many lines were skipped, if skipping was enabled."""
        if self.on_bad is not None:
            click.echo(f"{self.count} malformed {'line' if self.count == 1 else 'lines'} skipped", err=True)


def print_json(value: Any) -> None:
    """Print a value as indented JSON."""
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def warn_if_unconstrained(tagger: Tagger) -> None:
    """Print a note if the predicted tag sequences may be illegal, since spans are read from them all the same."""
    if tagger.model.config.decode.constraints == "none" and not tagger.model.is_plain:
        text = "decoded without constraints: the spans of illegal tag sequences are read as conlleval reads them"
        click.echo(text, err=True)


@contextmanager
def output(path: str | None) -> Iterator[TextIO]:
    """Open a text file that appears whole or not at all; stdout for None or '-'."""
    if path is None or path == "-":
        yield sys.stdout
        sys.stdout.flush()  # here, where a full disk or a reader that went away can still be reported
        return
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        yield file


@contextmanager
def progress_bar(text: str) -> Iterator[Watch | None]:
    """Show a bar on stderr while a file is read or downloaded; give None where stderr is not a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield None
        return
    columns = (
        TextColumn(text, markup=False),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=None)
        yield lambda done, size: progress.update(task, completed=done, total=size)
