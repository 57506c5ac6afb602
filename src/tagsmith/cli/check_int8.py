"""tagsmith check-int8"""

from __future__ import annotations

import click

from tagsmith.cli.parsing import options
from tagsmith.cli.printing.streams import SkippedLines
from tagsmith.formats.columns import Columns
from tagsmith.store import INT8_TOLERANCE
from tagsmith.tagger import Tagger


@click.command("check-int8")
@click.argument("model")
@click.argument("dev")
@click.option("--out", metavar="FILE", help="Write the model to this file.  [default: MODEL itself]")
@options.columns
@options.skip_bad
@options.threads
def command(
    model: str, dev: str, out: str | None, columns: Columns, skipped: SkippedLines, threads: int | None
) -> None:
    """Measure what a model loses in int8, and allow int8 or not.

    \b
    Example:
      tagsmith check-int8 ner.safetensors dev.conll

    Scores DEV in fp32 and in int8, and keeps both scores in the model file. If they are at most 0.05 points apart, tag
    and evaluate compute in int8 from then on, on processors with AVX-512 VNNI, unless --precision says otherwise.
    The weights do not change. For models with LSTM encoders.
    """
    target = options.checked_target(model, out, dev)
    tagger = Tagger.load(model, threads=threads).check_int8(dev, columns=columns, on_bad=skipped.on_bad)
    tagger.save(target)
    check = tagger.model.int8
    assert check is not None
    measure = "accuracy" if tagger.model.is_plain else "F1"
    click.echo(f"{check.dev_sentences:,} sentences, {check.dev_tokens:,} tokens")
    click.echo(f"fp32  {measure} {check.dev_score_fp32:.3f}")
    click.echo(f"int8  {measure} {check.dev_score_int8:.3f}  ({check.difference:+.3f})")
    distance, chosen = ("at most", "int8") if check.passed else ("more than", "fp32")
    click.echo(f"{distance} {INT8_TOLERANCE} points apart: --precision auto will use {chosen}")
    skipped.print_count()
    click.echo(f"wrote {target}", err=True)
