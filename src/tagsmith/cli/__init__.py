"""The command line: data on stdout, messages on stderr. Each command is a module of its name in this package.

Exit codes: 0 done; 1 an error in the data, the settings or the model, or problems that ``check`` found; 2 wrong usage.
"""

from __future__ import annotations

import importlib
import io
import os
import sys
from pathlib import Path

import click

from tagsmith.errors import TagsmithError

COMMANDS = (
    "train",
    "evaluate",
    "tag",
    "serve",
    "check-int8",
    "calibrate",
    "convert",
    "check",
    "info",
    "models",
    "vectors",
    "data",
    "bench",
    "reproduce",
)
"""The names of the commands, in the order of the help. Each is the object ``command`` of the module of its name."""


class _Commands(click.Group):
    """The commands, each imported on first use, so that help prints at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        return importlib.import_module(f"tagsmith.cli.{cmd_name.replace('-', '_')}").command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tagsmith", message="%(prog)s %(version)s")
def app() -> None:
    """Train a sequence tagger on your own data, and tag with it.

    \b
    Example:
      tagsmith train --train train.conll --dev dev.conll --out ner.safetensors
      tagsmith evaluate ner.safetensors test.conll
      tagsmith tag ner.safetensors --text "Jay is from India."
    """


def main() -> None:
    """Run the command line of this process."""
    if sys.stdout is None:
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 (for the rest of the process)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace", newline="\n")
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code; an error is one line on stderr."""
    try:
        app(arguments, prog_name="tagsmith")
    except TagsmithError as error:
        click.echo(f"error: {error}", err=True)
        return 1
    except OSError as error:  # a full disk, a closed stream
        click.echo(f"error: {error.filename or 'output'}: {error.strerror or error}", err=True)
        return 1
    except SystemExit as stop:  # how click ends
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    return 0
