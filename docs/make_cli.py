"""Write docs/cli.md: the help of every command, as the command line prints it. Run after every change to a command."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import click

from tagsmith.cli import app, run

TARGET = Path(__file__).with_name("cli.md")


def render() -> str:
    """Return the page: one section for the program and one for each command."""
    pieces = ["# The command line\n\nWhat `--help` prints, written by `python docs/make_cli.py`.\n"]
    for words in _commands(app, []):
        title = " ".join(["tagsmith", *words])
        pieces.append(f"\n## {title}\n\n```text\n{_help(words)}```\n")
    return "".join(pieces)


def _commands(command: click.Command, words: list[str]) -> Iterator[list[str]]:
    """Yield the words that lead to a command, and to each of those below it."""
    yield words
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            if (below := command.get_command(context, name)) is not None:
                yield from _commands(below, [*words, name])


def _help(words: list[str]) -> str:
    printed = io.StringIO()
    # The page must not depend on the width of the terminal.
    with patch.dict(os.environ, COLUMNS="100"), contextlib.redirect_stdout(printed):
        run([*words, "--help"])
    return printed.getvalue()


if __name__ == "__main__":
    TARGET.write_text(render(), "utf-8", newline="\n")
