"""tagsmith tag"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from itertools import tee

import click

from tagsmith import formats
from tagsmith.cli.parsing import options
from tagsmith.cli.printing.streams import SkippedLines, output, warn_if_unconstrained
from tagsmith.errors import DataError
from tagsmith.files import check_distinct, check_readable
from tagsmith.formats.columns import Columns
from tagsmith.formats.format import Format, InputRecord, ReadOptions
from tagsmith.rules import InputWithRules, rules_of
from tagsmith.text import Sentence

_SHORT = 10_000  # characters that plain NumPy tags sooner than compiled kernels are loaded


@click.command("tag")
@click.argument("model")
@click.argument("files", nargs=-1, metavar="[FILE|-]...")
@click.option("--text", "texts", multiple=True, metavar="TEXT", help="A text to tag. May be repeated.")
@options.format_option(
    "--from", "source_format", formats.taggable, "Format of the files (default: by their endings, else text)"
)
@options.format_option(
    "--to", "target_format", formats.for_predictions, "Format of the output", default="table", show_default=True
)
@click.option("--out", metavar="FILE", help="Write to this file instead of stdout.")
@click.option("--scheme", type=options.SCHEME, default="IOB2", show_default=True, help="Scheme of the tags.")
@click.option(
    "--probabilities", is_flag=True, help="Add the probability of each tag, span and sentence; --to html always does."
)
@click.option("--best", type=click.IntRange(min=1), metavar="K", help="Add the K best tag sequences of each sentence.")
@click.option(
    "--min-confidence",
    type=click.FloatRange(0, 1),
    metavar="P",
    help="Omit spans less probable than P; implies --probabilities if the format can show them.",
)
@options.word_column
@click.option("--tag-column", **options.COLUMN, help="Column of the tag in CoNLL-U output.  [default: upos]")
@options.skip_bad
@options.rules
@options.engine
def command(
    model: str,
    files: tuple[str, ...],
    texts: tuple[str, ...],
    source_format: str | None,
    target_format: str,
    out: str | None,
    scheme: str,
    probabilities: bool,
    best: int | None,
    min_confidence: float | None,
    word_column: int | str | None,
    tag_column: int | str | None,
    skipped: SkippedLines,
    rules: options.RuleOptions,
    engine: options.EngineOptions,
) -> None:
    """Tag texts or files with a trained model.

    \b
    Example:
      tagsmith tag ner.safetensors --text "Jay is from India."
      tagsmith tag ner.safetensors --text "Jay is from India." --probabilities --best 3
      tagsmith tag ner.safetensors news.txt --to html --out news.html
      tagsmith tag ner.safetensors test.conll --to conll > out.conll
      tagsmith tag pos.safetensors test.conllu --to conllu > out.conllu
      tagsmith tag ner.safetensors news.txt --rules names.jsonl --labels PER,LOC

    Without files and --text, stdin is read ("-" names it). Output comes in blocks of some 16,000 tokens. From columns
    to columns, every line and column of the input is kept and the tag added as the last column; from CoNLL-U to
    CoNLL-U, the tag is put into its column. An object of JSON lines may have its own "rules" (docs/rules.md). A short
    --text alone is tagged in fp32, which starts sooner, unless --precision is int8.
    """
    target = formats.FORMATS[target_format]
    _check_options(target, probabilities, best, tag_column)
    files = files or (() if texts else _stdin())
    _check_inputs(files, texts, rules)
    if out is not None:
        check_distinct(out, model, *files, *rules.files)
    known = rules.read()
    short = not files and sum(map(len, texts)) <= _SHORT and engine.precision != "int8"
    tagger = engine.load(model, compiled=not short)
    if target.needs_spans and tagger.model.is_plain:
        raise DataError("a model of plain tags", f"one of spans, for --to {target_format}", source=model)
    columns = Columns(word_column, tag_column)
    how = ReadOptions(columns, tagged=False, on_bad=skipped.on_bad)
    with output(out) as stream:
        inputs, again = tee(_inputs(files, texts, source_format, how))
        predictions = tagger.tag(
            (given for _, given in inputs),
            scheme=scheme,
            probabilities=probabilities or target.probabilities == "always",
            best=best,
            min_confidence=min_confidence,
            rules=known,
        )
        pairs = ((record, tagged) for (record, _), tagged in zip(again, predictions, strict=True))
        formats.write_predictions(pairs, target_format, stream, columns)
    warn_if_unconstrained(tagger)
    skipped.print_count()


def _check_options(target: Format, probabilities: bool, best: int | None, tag_column: int | str | None) -> None:
    """Check that the format of the output can show what the options ask for."""
    checks = (
        ("--tag-column", tag_column is not None, lambda row: bool(row.layout and row.layout.names)),
        ("--probabilities", probabilities, lambda row: row.probabilities != "never"),
        ("--best", best is not None, lambda row: row.alternatives),
    )
    for option, given, suits in checks:
        if given and not suits(target):
            suitable = [name for name, row in formats.FORMATS.items() if suits(row)]
            raise click.UsageError(f"{option} goes with --to {options.listed(suitable)}")


def _stdin() -> tuple[str, ...]:
    if sys.stdin is None or sys.stdin.isatty():
        raise click.UsageError("nothing to tag: give --text, a FILE, or pipe text in")
    return ("-",)


def _check_inputs(files: tuple[str, ...], texts: tuple[str, ...], rules: options.RuleOptions) -> None:
    """Check that all inputs can be read, before long work."""
    for file in files:
        check_readable(file)
    if "-" in rules.files and "-" in files:
        raise click.UsageError("stdin can't be both the rules and what is to be tagged")
    for text in texts:
        if not text.isprintable() and any("\ud800" <= character <= "\udfff" for character in text):
            raise DataError(f"{text!r}", "UTF-8 text", source="--text")


def _inputs(
    files: tuple[str, ...], texts: tuple[str, ...], format: str | None, how: ReadOptions
) -> Iterator[tuple[InputRecord, str | Sentence | InputWithRules]]:
    """Yield all inputs, each as it was read, and as it is to be tagged: with its own rules, if it has any."""
    for text in texts:
        yield InputRecord(text), text
    for file in files:
        for record in formats.read_inputs(file, format, how):
            try:
                given = _with_rules(record)
            except DataError as error:
                if how.on_bad is None:
                    raise
                how.on_bad(error)
            else:
                yield record, given


def _with_rules(record: InputRecord) -> str | Sentence | InputWithRules:
    if not isinstance(record.origin, Mapping) or "rules" not in record.origin:
        return record.given
    return InputWithRules(record.given, rules_of(record.origin["rules"], record.source, record.line or 0))
