"""Options that several commands share, and the objects that commands get from them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar, get_args

import click

from tagsmith import formats
from tagsmith.bundled import check_own
from tagsmith.cli.printing.streams import SkippedLines
from tagsmith.files import check_writable
from tagsmith.formats import conllu
from tagsmith.formats.columns import Columns
from tagsmith.rules import Rule, Rules
from tagsmith.tagger import Tagger
from tagsmith.text import SchemeName, TokenizerName

_F = TypeVar("_F", bound=Callable[..., Any])
SCHEME = click.Choice(get_args(SchemeName))


class _FormatName(click.ParamType):
    """The name of a format that the table has a reader or writer for."""

    name = "format"

    def __init__(self, names: Callable[[], list[str]]) -> None:
        self._names = names

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str | None:
        return click.Choice(self._names()).get_metavar(param, ctx)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return click.Choice(self._names()).convert(value, param, ctx)


class _Column(click.ParamType):
    """The number of a column, or its name in CoNLL-U."""

    name = "column"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        if not isinstance(value, str) or value.upper() in conllu.NAMES:
            return value
        try:
            return int(value)
        except ValueError:
            self.fail(f"{value!r} is neither a number nor one of {', '.join(conllu.NAMES).lower()}.", param, ctx)


class _FormatOption(click.Option):
    """An option that takes a format. Choices and help are always those of the table."""

    def __init__(self, *declarations: Any, names: Callable[[], list[str]], help: str, **more: Any) -> None:
        super().__init__(*declarations, type=_FormatName(names), help=help, **more)
        self._names, self._what = names, help

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        described = ", ".join(f"{name} ({formats.FORMATS[name].summary})" for name in self._names())
        self.help = f"{self._what}: {described}."
        return super().get_help_record(ctx)


def format_option(
    flag: str, variable: str, names: Callable[[], list[str]], help: str, **more: Any
) -> Callable[[_F], _F]:
    """Return an option whose choices are formats. Its help ends with a description of each."""
    return click.option(flag, variable, cls=_FormatOption, names=names, help=help, **more)


COLUMN: dict[str, Any] = {"type": _Column(), "metavar": "COLUMN"}
word_column = click.option(
    "--word-column",
    **COLUMN,
    help="Column of the word: 1 is the first, -1 the last.  [default: the first; form in CoNLL-U]",
)
_tag_column = click.option(
    "--tag-column",
    **COLUMN,
    help="Column of the tag: 1 is the first, -1 the last; in CoNLL-U also upos, xpos or another name."
    "  [default: the last; upos in CoNLL-U]",
)
tokenizer = click.option(
    "--tokenizer",
    type=click.Choice(get_args(TokenizerName)),
    help="How to split the texts of JSON lines.  [default: words]",
)
device = click.option("--device", default="cpu", show_default=True, help="cpu, or cuda for a GPU (needs PyTorch).")
threads = click.option(
    "--threads",
    type=click.IntRange(min=1),
    metavar="N",
    help="Number of threads that tag at the same time on a CPU.  [default: the number of cores, up to 8]",
)
precision = click.option(
    "--precision",
    type=click.Choice(["auto", "fp32", "int8"]),
    default="auto",
    show_default=True,
    help="fp32, or the faster int8 (LSTM encoders, processors with AVX-512 VNNI). auto: int8 if it can run here and "
    "tagsmith check-int8 found the same dev score, else fp32.",
)
constraints = click.option(
    "--constraints",
    type=click.Choice(["scheme", "none"]),
    help="Predict only legal tag sequences (scheme), or any (none).  [default: the model's decode.constraints]",
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def columns(command: _F) -> _F:
    """Add --word-column and --tag-column. The command gets one argument, ``columns``."""

    @word_column
    @_tag_column
    @wraps(command)
    def wrapper(*, word_column: int | str | None, tag_column: int | str | None, **arguments: Any) -> Any:
        return command(columns=Columns(word_column, tag_column), **arguments)

    return wrapper  # type: ignore[return-value]


def skip_bad(command: _F) -> _F:
    """Add --skip-bad. The command gets the argument ``skipped``, whose ``on_bad`` it passes to readers."""

    @click.option("--skip-bad", is_flag=True, help="Skip malformed lines, and print how many there were.")
    @wraps(command)
    def wrapper(*, skip_bad: bool, **arguments: Any) -> Any:
        return command(skipped=SkippedLines(skip_bad), **arguments)

    return wrapper  # type: ignore[return-value]


@dataclass(frozen=True)
class RuleOptions:
    """The options --rules and --labels."""

    files: tuple[str, ...] = ()
    labels: str | None = None

    def read(self) -> Rules | None:
        """Return the rules, or None if there are none.

        Raises:
            DataError: a file of rules that can't be read.
        """
        if not self.files and self.labels is None:
            return None
        rules = Rules([])
        for file in self.files:
            rules += Rules.read(file)
        if self.labels is None:
            return rules
        labels = tuple(label.strip() for label in self.labels.split(","))
        if "" in labels:
            raise click.BadParameter(
                f"{self.labels!r}: expected labels with commas between them", param_hint="--labels"
            )
        return rules + Rules([Rule(labels=labels)], ["--labels"])


def rules(command: _F) -> _F:
    """Add --rules and --labels. The command gets one argument, ``rules``."""

    @click.option(
        "--rules",
        multiple=True,
        metavar="FILE",
        help="Rules for some tokens, as JSON lines: fixed or forbidden tags, a gazetteer, patterns (docs/rules.md). "
        "May be repeated.",
    )
    @click.option("--labels", metavar="LABEL,...", help="Predict no labels but these; short for a rule.")
    @wraps(command)
    def wrapper(*, rules: tuple[str, ...], labels: str | None, **arguments: Any) -> Any:
        return command(rules=RuleOptions(rules, labels), **arguments)

    return wrapper  # type: ignore[return-value]


@dataclass(frozen=True)
class EngineOptions:
    """The options --constraints, --device, --threads and --precision."""

    constraints: str | None
    device: str
    threads: int | None
    precision: str

    def load(self, model: str, *, compiled: bool = True) -> Tagger:
        """Return the tagger of a model file."""
        return Tagger.load(
            model,
            self.device,
            self.constraints,
            threads=self.threads,
            compiled=compiled,
            precision=self.precision,
        )


def engine(command: _F) -> _F:
    """Add --constraints, --device, --threads and --precision. The command gets one argument, ``engine``."""

    @constraints
    @device
    @threads
    @precision
    @wraps(command)
    def wrapper(*, constraints: str | None, device: str, threads: int | None, precision: str, **arguments: Any) -> Any:
        return command(engine=EngineOptions(constraints, device, threads, precision), **arguments)

    return wrapper  # type: ignore[return-value]


def checked_target(model: str, out: str | None, *inputs: str) -> str:
    """Return the path to write a changed model to: ``out``, or the model itself unless it comes with the package.

    Raises:
        DataError: the path can't be written to, or is one of the inputs.
    """
    from tagsmith.files import check_distinct

    if out is None:
        check_own(model)
    check_writable(out or model)
    check_distinct(out or model, *inputs)
    return out or model


def listed(names: Sequence[str]) -> str:
    """Return names in words: ``a, b or c``."""
    return " or ".join([", ".join(names[:-1]), *names[-1:]] if len(names) > 1 else names)
