"""tagsmith convert"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tagsmith.cli import options

if TYPE_CHECKING:
    from tagsmith.schemes import Scheme
    from tagsmith.text import Sentence, TokenizerName


@click.command("convert")
@click.argument("source", metavar="IN")
@click.argument("target", metavar="OUT")
@click.option("--from", "source_format", type=options.FORM, help="Form of IN; unset, its name decides.")
@click.option(
    "--to",
    "target_format",
    type=options.TARGET,
    help="Form of OUT; unset, its name decides. spans: JSON lines of text and character spans.",
)
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
    word_column: int | str | None,
    tag_column: int | str | None,
    out_column: int | str | None,
    tokenizer: TokenizerName | None,
    skip_bad: bool,
) -> None:
    """Convert tagged sentences from one form or scheme to another.

    \b
    Example:
      tagsmith convert train.iob1 train.bioes --scheme BIOES
      tagsmith convert train.conll train.jsonl
      tagsmith convert tree.conllu tags.conll --tag-column xpos

    Spans are read whatever their scheme. The columns are those of IN. From columns to columns, and from CoNLL-U to
    CoNLL-U, every other column, blank line, comment and -DOCSTART- line stays as it is. OUT appears whole or not at
    all; "-" is stdin and stdout.
    """
    from tagsmith import formats, schemes
    from tagsmith.files import source_name
    from tagsmith.formats.columns import Columns

    kind_in = source_format or formats.format_of(source)
    kind_out = target_format or formats.format_of(target)
    if out_column is not None and (kind_out != "conllu" or kind_in == "conllu"):
        raise click.UsageError("--out-column goes with CoNLL-U written from another form")
    columns = Columns(word_column, tag_column)
    chosen = None if scheme is None else schemes.SCHEMES[scheme]
    skipped = options.Skipped(skip_bad)
    with options.output(target) as stream:
        if kind_in == kind_out and kind_in in formats.LAYOUTS:
            count = 0
            for block in formats.LAYOUTS[kind_in].read_blocks(source, columns, on_bad=skipped.on_bad):
                stream.write(block.with_tags(_in_scheme(block.sentence(), chosen).tags or ()))
                count += bool(block.tokens)
        else:
            how = tokenizer or "words"
            sentences = formats.read(source, kind_in, columns, on_bad=skipped.on_bad, tokenizer=how)
            rewritten = (_in_scheme(sentence, chosen) for sentence in sentences)
            count = formats.write(rewritten, kind_out, stream, Columns(tag=out_column))
            click.echo(f"{source_name(source)}: words and tags were taken over, and nothing else of it", err=True)
    skipped.say()
    click.echo(f"{count:,} {'sentence' if count == 1 else 'sentences'}", err=True)


def _in_scheme(sentence: Sentence, scheme: Scheme | None) -> Sentence:
    from tagsmith.schemes import sentence_spans
    from tagsmith.text import Sentence

    if scheme is None:
        return sentence
    tags = scheme.write(sentence_spans(sentence), len(sentence))
    return Sentence(sentence.tokens, tags, sentence.source, sentence.lines)
