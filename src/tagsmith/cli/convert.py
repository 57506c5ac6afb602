"""tagsmith convert"""

from __future__ import annotations

from typing import TextIO

import click

from tagsmith import formats
from tagsmith.cli.parsing import options
from tagsmith.cli.printing.streams import SkippedLines, output
from tagsmith.files import source_name
from tagsmith.formats.columns import Columns, Layout
from tagsmith.schemes import gold_tags
from tagsmith.text import Sentence, TokenizerName


@click.command("convert")
@click.argument("source", metavar="IN")
@click.argument("target", metavar="OUT")
@options.format_option("--from", "source_format", formats.readable, "Format of IN (default: by its ending, else conll)")
@options.format_option("--to", "target_format", formats.writable, "Format of OUT (default: by its ending, else conll)")
@click.option("--scheme", type=options.SCHEME, help="Write spans in this scheme.  [default: as read]")
@options.columns
@click.option(
    "--out-column", **options.COLUMN, help="Column of the tag in OUT, if OUT alone is CoNLL-U.  [default: upos]"
)
@options.tokenizer
@options.skip_bad
def command(
    source: str,
    target: str,
    source_format: str | None,
    target_format: str | None,
    scheme: str | None,
    columns: Columns,
    out_column: int | str | None,
    tokenizer: TokenizerName | None,
    skipped: SkippedLines,
) -> None:
    """Convert tagged sentences from one format or scheme to another.

    \b
    Example:
      tagsmith convert train.iob1 train.bioes --scheme BIOES
      tagsmith convert train.conll train.jsonl
      tagsmith convert tree.conllu tags.conll --tag-column xpos

    Spans are read in any scheme. The column options are those of IN. From columns to columns, and from CoNLL-U to
    CoNLL-U, every other column, blank line, comment and -DOCSTART- line stays as it is. OUT appears whole or not at
    all; "-" is stdin and stdout.
    """
    source_format = source_format or formats.format_of(source)
    target_format = target_format or formats.format_of(target)
    layout, target_layout = (formats.FORMATS[name].layout for name in (source_format, target_format))
    if out_column is not None and (source_format == target_format or not (target_layout and target_layout.names)):
        raise click.UsageError("--out-column goes with CoNLL-U written from another format")
    with output(target) as stream:
        if layout is not None and source_format == target_format:
            count = _rewrite(layout, source, columns, scheme, skipped, stream)
        else:
            sentences = formats.read(
                source, source_format, columns, on_bad=skipped.on_bad, tokenizer=tokenizer or "words"
            )
            rewritten = (_in_scheme(sentence, scheme) for sentence in sentences)
            count = formats.write(rewritten, target_format, stream, Columns(tag=out_column))
            click.echo(f"{source_name(source)}: only words and tags were kept", err=True)
    skipped.print_count()
    click.echo(f"{count:,} {'sentence' if count == 1 else 'sentences'}", err=True)


def _rewrite(
    layout: Layout, source: str, columns: Columns, scheme: str | None, skipped: SkippedLines, stream: TextIO
) -> int:
    """Write a file of columns with its tags in a scheme, every other byte as it is; return the sentence count."""
    count = 0
    for block in layout.read_blocks(source, columns, on_bad=skipped.on_bad):
        stream.write(block.with_tags(_in_scheme(block.sentence(), scheme).tags or ()))
        count += bool(block.tokens)
    return count


def _in_scheme(sentence: Sentence, scheme: str | None) -> Sentence:
    if scheme is None:
        return sentence
    return Sentence(sentence.tokens, gold_tags(sentence, scheme), sentence.source, sentence.lines)
