"""tagsmith convert"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tagsmith.cli import options

if TYPE_CHECKING:
    from tagsmith.formats.conll import Block, Columns
    from tagsmith.schemes import Scheme
    from tagsmith.text import Sentence


@click.command("convert")
@click.argument("source", metavar="IN")
@click.argument("target", metavar="OUT")
@click.option(
    "--from",
    "source_format",
    type=click.Choice(["conll", "conllu", "jsonl"]),
    help="Form of IN; unset, its name decides.",
)
@click.option(
    "--to", "target_format", type=click.Choice(["conll", "jsonl"]), help="Form of OUT; unset, its name decides."
)
@click.option("--scheme", type=options.SCHEME, help="Write spans in this scheme.  [default: as read]")
@options.columns
@options.skip_bad
def command(
    source: str,
    target: str,
    source_format: str | None,
    target_format: str | None,
    scheme: str | None,
    word_column: int | None,
    tag_column: int | None,
    skip_bad: bool,
) -> None:
    """Convert tagged sentences from one form or scheme to another.

    \b
    Example:
      tagsmith convert train.iob1 train.bioes --scheme BIOES
      tagsmith convert train.conll train.jsonl

    Spans are read whatever their scheme. From columns to columns every other column, blank lines
    and -DOCSTART- lines stay as they are. OUT appears whole or not at all; "-" is stdin and stdout.
    """
    from tagsmith import formats, schemes
    from tagsmith.files import source_name
    from tagsmith.formats import conll, jsonl

    kind_in = source_format or formats.format_of(source)
    kind_out = target_format or formats.format_of(target)
    if kind_out not in ("conll", "jsonl"):
        raise click.UsageError(
            f"{target}: CoNLL-U can be read, not written; write columns or .jsonl, or name one by --to"
        )
    columns = conll.Columns(word_column, tag_column)
    chosen = None if scheme is None else schemes.SCHEMES[scheme]
    skipped = options.Skipped(skip_bad)
    with options.output(target) as stream:
        if kind_in == kind_out == "conll":
            count = 0
            for block in conll.read_blocks(source, columns, on_bad=skipped.on_bad):
                stream.write(_rewritten(block, columns, chosen))
                count += bool(block.tokens)
        else:
            sentences = formats.read(source, kind_in, columns, on_bad=skipped.on_bad)
            write = conll.write if kind_out == "conll" else jsonl.write
            count = write((_in_scheme(sentence, chosen) for sentence in sentences), stream)
            click.echo(
                f"{source_name(source)}: words and tags were taken over, and nothing else of it",
                err=True,
            )
    skipped.say()
    click.echo(f"{count:,} {'sentence' if count == 1 else 'sentences'}", err=True)


def _in_scheme(sentence: Sentence, scheme: Scheme | None) -> Sentence:
    from tagsmith.schemes import sentence_spans
    from tagsmith.text import Sentence

    if scheme is None:
        return sentence
    tags = scheme.write(sentence_spans(sentence), len(sentence))
    return Sentence(sentence.tokens, tags, sentence.source, sentence.lines)


def _rewritten(block: Block, columns: Columns, scheme: Scheme | None) -> str:
    from tagsmith.formats.conll import LAST

    tags = _in_scheme(block.sentence(), scheme).tags or ()
    return block.with_tags(tags, columns.tag or LAST)
