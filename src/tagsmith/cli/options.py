"""Options and messages that several commands share."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO, TypeVar, get_args

import click

from tagsmith.errors import DataError
from tagsmith.text import SchemeName, TokenizerName

if TYPE_CHECKING:
    from tagsmith.files import Watch
    from tagsmith.rules import Rules
    from tagsmith.tagger import Tagger

_F = TypeVar("_F", bound=Callable[..., Any])
FORM = click.Choice(["conll", "conllu", "jsonl"])
TARGET = click.Choice([*FORM.choices, "spans"])
SCHEME = click.Choice(get_args(SchemeName))


class _Column(click.ParamType):
    """The number of a column, or its name in CoNLL-U."""

    name = "column"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        from tagsmith.formats.conllu import NAMES

        if not isinstance(value, str) or value.upper() in NAMES:
            return value
        try:
            return int(value)
        except ValueError:
            self.fail(f"{value!r} is neither a number nor one of {', '.join(NAMES).lower()}.", param, ctx)


COLUMN: dict[str, Any] = {"type": _Column(), "metavar": "COLUMN"}
word_column = click.option(
    "--word-column",
    **COLUMN,
    help="Column of the word: 1 is the first, -1 the last.  [default: the first; form in CoNLL-U]",
)
tag_column = click.option(
    "--tag-column",
    **COLUMN,
    help="Column of the tag: 1 is the first, -1 the last; in CoNLL-U upos, xpos or another name too."
    "  [default: the last; upos in CoNLL-U]",
)
tokenizer = click.option(
    "--tokenizer",
    type=click.Choice(get_args(TokenizerName)),
    help="How the texts of JSON lines are split.  [default: words]",
)
skip_bad = click.option("--skip-bad", is_flag=True, help="Leave malformed lines out, and say how many.")
device = click.option("--device", default="cpu", show_default=True, help="cpu, or cuda for a GPU (needs PyTorch).")
threads = click.option(
    "--threads",
    type=click.IntRange(min=1),
    metavar="N",
    help="How many may tag at the same time on a CPU.  [default: the cores there are, up to 8]",
)
precision = click.option(
    "--precision",
    type=click.Choice(["auto", "fp32", "int8"]),
    default="auto",
    show_default=True,
    help="fp32, or int8, faster (LSTM encoders, processors with AVX-512 VNNI). auto: int8 where it can run and "
    "tagsmith check-int8 found that dev scores the same, else fp32.",
)
constraints = click.option(
    "--constraints",
    type=click.Choice(["scheme", "none"]),
    help="Legal tag sequences only (scheme), or any (none).  [default: the model's decode.constraints]",
)

rules = click.option(
    "--rules",
    multiple=True,
    metavar="FILE",
    help="Rules for some tokens, as JSON lines: fixed or forbidden tags, a gazetteer, patterns (docs/rules.md); may be "
    "repeated.",
)
labels = click.option("--labels", metavar="LABEL,...", help="No other labels than these; short for a rule.")


def columns(command: _F) -> _F:
    """The two column options."""
    return word_column(tag_column(command))


def read_rules(files: Sequence[str], labels: str | None) -> Rules | None:
    """The rules that the options name; None if there are none."""
    if not files and labels is None:
        return None
    from tagsmith.rules import Rule, Rules

    rules = Rules([])
    for file in files:
        rules += Rules.read(file)
    if labels is None:
        return rules
    named = tuple(label.strip() for label in labels.split(","))
    if "" in named:
        raise click.BadParameter(f"{labels!r}: expected labels with commas between them", param_hint="--labels")
    return rules + Rules([Rule(labels=named)], ["--labels"])


def say_unconstrained(tagger: Tagger) -> None:
    """Say so where tag sequences may be illegal, as spans are read from them all the same."""
    config = tagger.model.config
    if config.decode.constraints == "none" and config.scheme != "plain":
        text = "decoded without constraints: the spans of illegal tag sequences are read as conlleval reads them"
        click.echo(text, err=True)


def target(model: str, out: str | None) -> str:
    """Where a changed model goes: to ``out``, or to the model itself, unless it is one in the package.

    Raises:
        DataError: nothing can be written there.
    """
    from tagsmith.bundled import check_own
    from tagsmith.files import check_writable

    if out is None:
        check_own(model)
    check_writable(out or model)
    return out or model


class Skipped:
    """Counts the malformed lines that were left out, and says so; the first few are shown."""

    _SHOWN = 3

    def __init__(self, enabled: bool) -> None:
        self.count = 0
        self.on_bad: Callable[[DataError], None] | None = self._add if enabled else None

    def _add(self, error: DataError) -> None:
        self.count += 1
        if self.count <= self._SHOWN:
            click.echo(f"skipped: {error}", err=True)

    def say(self) -> None:
        """Say how many lines were left out, if skipping was asked for."""
        if self.on_bad is not None:
            click.echo(f"{self.count} malformed {'line' if self.count == 1 else 'lines'} skipped", err=True)


@contextmanager
def output(path: str | None) -> Iterator[TextIO]:
    """A text file that appears whole or not at all; stdout for None or '-'."""
    if path is None or path == "-":
        yield sys.stdout
        sys.stdout.flush()  # here, where a full disk or a reader that went away can still be told
        return
    from tagsmith.files import replacing

    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        yield file


@contextmanager
def bar(text: str) -> Iterator[Watch | None]:
    """A bar on stderr that shows how far a file is read or has arrived; none where stderr is no terminal."""
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
