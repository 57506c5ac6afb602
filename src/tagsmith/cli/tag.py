"""tagsmith tag"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, tee
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from tagsmith.cli import options
from tagsmith.errors import DataError

if TYPE_CHECKING:
    from tagsmith.formats.columns import Block, Columns
    from tagsmith.rules import InputWithRules
    from tagsmith.text import Sentence, Tagged


_LITTLE = 10_000  # characters that plain NumPy tags before compiled kernels are loaded


@dataclass(frozen=True)
class _Item:
    """One input to tag, and what it came from, to be written back with its answer."""

    given: str | Sentence | InputWithRules
    came_from: Block | dict[str, Any] | None = None
    starts_file: bool = False
    """Whether a file of columns starts here."""


@click.command("tag")
@click.argument("model")
@click.argument("files", nargs=-1, metavar="[FILE|-]...")
@click.option("--text", "texts", multiple=True, metavar="TEXT", help="A text to tag; may be repeated.")
@click.option(
    "--from",
    "source_format",
    type=click.Choice(["text", "conll", "conllu", "jsonl"]),
    help="Form of the files. Unset, names decide: .conll, .iob, .bio are columns, .conllu CoNLL-U, .jsonl JSON lines, "
    "others text.",
)
@click.option(
    "--to",
    "target_format",
    type=click.Choice(["table", "conll", "conllu", "jsonl", "spans", "html"]),
    default="table",
    show_default=True,
    help="Form of the answers; spans: JSON lines of text and character spans alone.",
)
@click.option("--out", metavar="FILE", help="Write the answers to a file instead of stdout.")
@click.option("--scheme", type=options.SCHEME, default="IOB2", show_default=True, help="How tags write spans.")
@click.option(
    "--probabilities", is_flag=True, help="Say how probable each tag, span and sentence is; --to html always does."
)
@click.option(
    "--best", type=click.IntRange(min=1), metavar="K", help="Give the K best tag sequences of each sentence too."
)
@click.option(
    "--min-confidence",
    type=click.FloatRange(0, 1),
    metavar="P",
    help="Leave out spans less probable than P; shows --probabilities where the form can.",
)
@options.word_column
@click.option("--tag-column", **options.COLUMN, help="Column of the tag in answers as CoNLL-U.  [default: upos]")
@options.skip_bad
@options.rules
@options.labels
@options.constraints
@options.device
@options.threads
@options.precision
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
    skip_bad: bool,
    rules: tuple[str, ...],
    labels: str | None,
    constraints: str | None,
    device: str,
    threads: int | None,
    precision: str,
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

    A file of text holds one text a line; answers come in blocks of some 16,000 tokens. Without files and --text, stdin
    is read ("-" names it). From columns to columns every line and column of the input is kept, and the tag is added as
    the last column; from CoNLL-U to CoNLL-U all is kept, and the tag put into its column. Objects of JSON lines may
    have "rules" of their own (docs/rules.md). A short --text alone is tagged in fp32, which starts sooner, unless
    --precision says int8.
    """
    if tag_column is not None and target_format != "conllu":
        raise click.UsageError("--tag-column goes with --to conllu")
    if probabilities and target_format in ("conll", "conllu"):
        raise click.UsageError("--probabilities goes with --to table, jsonl, spans or html: columns end in the tag")
    if best and target_format not in ("table", "jsonl"):
        raise click.UsageError("--best goes with --to table or jsonl")
    if not files and not texts:
        if sys.stdin is None or sys.stdin.isatty():
            raise click.UsageError("nothing to tag: give --text, a FILE, or pipe text in")
        files = ("-",)
    from tagsmith.files import check_distinct, check_readable
    from tagsmith.formats.columns import Columns
    from tagsmith.tagger import Tagger

    for file in files:
        check_readable(file)
    if out is not None:
        check_distinct(out, model, *files, *rules)
    if "-" in rules and "-" in files:
        raise click.UsageError("stdin can't be both the rules and what is to be tagged")
    known = options.read_rules(rules, labels)
    for text in texts:
        if not text.isprintable() and any("\ud800" <= character <= "\udfff" for character in text):
            raise DataError(f"{text!r}", "UTF-8 text", source="--text")
    little = not files and sum(map(len, texts)) <= _LITTLE and precision != "int8"
    tagger = Tagger.load(model, device, constraints, threads=threads, compiled=not little, precision=precision)
    if target_format == "spans" and tagger.model.config.scheme == "plain":
        raise DataError("a model of plain tags", "one of spans, for --to spans", source=model)
    skipped = options.Skipped(skip_bad)
    columns = Columns(word_column, tag_column)
    with options.output(out) as stream:
        items, again = tee(_items(files, texts, source_format, columns, skipped))
        answers = tagger.tag(
            (item.given for item in items),
            scheme=scheme,
            probabilities=probabilities or target_format == "html",
            best=best,
            min_confidence=min_confidence,
            rules=known,
        )
        _write(zip(again, answers, strict=True), target_format, stream, columns)
    options.say_unconstrained(tagger)
    skipped.say()


def _items(
    files: tuple[str, ...],
    texts: tuple[str, ...],
    chosen: str | None,
    columns: Columns,
    skipped: options.Skipped,
) -> Iterator[_Item]:
    yield from map(_Item, texts)
    for file in files:
        match chosen or _format_of(file):
            case "conll" | "conllu" as form:
                yield from _column_items(file, form, columns, skipped)
            case "jsonl":
                yield from _jsonl_items(file, skipped)
            case _:
                from tagsmith.files import read_lines

                yield from (_Item(line.removesuffix("\n").removesuffix("\r")) for _, line in read_lines(file))


def _format_of(file: str) -> str:
    from tagsmith.formats import format_of

    if Path(file.removesuffix(".gz")).suffix in (".conll", ".iob", ".bio"):
        return "conll"
    if (form := format_of(file)) != "conll":
        return form
    if Path(file).is_file() and _looks_like_columns(file):
        expected = "text; say --from conll (or --from text if it is text after all)"
        raise DataError("columns of tokens and tags", expected, source=file)
    return "text"


def _looks_like_columns(file: str) -> bool:
    """Whether each of the first lines that are not blank has several fields and ends in a span tag."""
    from tagsmith.files import read_lines
    from tagsmith.schemes import is_span_tag

    fields = [line.split() for _, line in islice(read_lines(file), 50) if line.strip()]
    return bool(fields) and all(len(row) > 1 and is_span_tag(row[-1]) for row in fields)


def _column_items(file: str, form: str, columns: Columns, skipped: options.Skipped) -> Iterator[_Item]:
    from tagsmith.formats import LAYOUTS
    from tagsmith.text import Sentence

    blocks = LAYOUTS[form].read_blocks(file, columns, tagged=False, on_bad=skipped.on_bad)
    for number, block in enumerate(blocks):
        yield _Item(Sentence(block.tokens), block, starts_file=number == 0)


def _jsonl_items(file: str, skipped: options.Skipped) -> Iterator[_Item]:
    from tagsmith.files import source_name
    from tagsmith.formats.jsonl import read_objects, to_sentence
    from tagsmith.rules import InputWithRules, rules_of

    for line, value in read_objects(file, on_bad=skipped.on_bad):
        try:
            given = value.get("text")
            if "tokens" in value or not isinstance(given, str):
                given = to_sentence(value, source_name(file), line, tagged=False)
            if "rules" in value:
                given = InputWithRules(given, rules_of(value["rules"], source_name(file), line))
        except DataError as error:
            if skipped.on_bad is None:
                raise
            skipped.on_bad(error)
        else:
            yield _Item(given, value)


def _write(pairs: Iterable[tuple[_Item, Tagged]], form: str, stream: TextIO, columns: Columns) -> None:
    from tagsmith.formats import html, jsonl
    from tagsmith.formats.table import table

    if form == "html":
        stream.writelines(html.page(answer for _, answer in pairs))
    elif form in ("conll", "conllu"):
        _write_columns(pairs, form, stream, columns)
    else:
        for item, answer in pairs:
            given = item.came_from if isinstance(item.came_from, dict) else None
            if form == "table":
                stream.write(table(answer))
            else:
                stream.write(jsonl.dumps((jsonl.answer if form == "jsonl" else jsonl.span_answer)(answer, given)))


def _write_columns(pairs: Iterable[tuple[_Item, Tagged]], form: str, stream: TextIO, columns: Columns) -> None:
    """Blocks of the same form as they were read, with their tags; all else as sentences written anew."""
    from tagsmith.formats import LAYOUTS, write
    from tagsmith.formats.columns import Block
    from tagsmith.text import Sentence

    last = ""  # the lines last written as they were read
    for item, answer in pairs:
        block = item.came_from
        if isinstance(block, Block) and block.layout is LAYOUTS[form]:
            stream.write(_gap(last) if item.starts_file else "")
            last = block.with_column(answer.tags) if form == "conll" else block.with_tags(answer.tags)
            stream.write(last)
        else:
            stream.write(_gap(last))
            last = ""
            write((Sentence(answer.tokens[a:b], answer.tags[a:b]) for a, b in answer.sentences), form, stream, columns)


def _gap(lines: str) -> str:
    """What parts these lines from those of another file: a file need not end with a blank line, or a line end."""
    if not lines or lines.endswith(("\n\n", "\n\r\n")):
        return ""
    return "\n" if lines.endswith("\n") else "\n\n"
