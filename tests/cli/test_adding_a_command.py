"""A new command is one module in the package of the shell and its name in the list."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import click
import pytest

from tagsmith import DataError, cli
from tests.support.shell import Result, run


@click.command("say-hello")
@click.argument("name")
def command(name: str) -> None:
    """Say hello to NAME."""
    if name == "nobody":
        raise DataError("nobody", "a name")
    click.echo(f"hello {name}")


@pytest.fixture(autouse=True)
def _added(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "COMMANDS", (*cli.COMMANDS, "say-hello"))
    monkeypatch.setitem(sys.modules, "tagsmith.cli.say_hello", SimpleNamespace(command=command))


def test_it_runs_and_its_errors_are_one_line():
    assert run("say-hello", "you") == Result(0, "hello you\n", "")
    assert run("say-hello", "nobody") == Result(1, "", "error: found nobody; expected a name\n")


def test_it_is_listed_with_what_it_does():
    assert run("--help").out.endswith("  say-hello   Say hello to NAME.\n")


def test_every_module_of_the_shell_is_a_command():
    modules = {path.stem for path in Path(cli.__file__).parent.glob("*.py")} - {"__init__"}
    assert modules | {"say_hello"} == {name.replace("-", "_") for name in cli.COMMANDS}
