"""tagsmith train"""

from __future__ import annotations

from typing import Any

import click

from tagsmith.cli.parsing import options
from tagsmith.cli.printing.score_tables import score_table
from tagsmith.cli.printing.streams import SkippedLines
from tagsmith.config import parse_assignments
from tagsmith.extras import require
from tagsmith.files import check_readable
from tagsmith.formats.columns import Columns
from tagsmith.tagger import Tagger

_ENDS = {
    "epochs": "all epochs done",
    "patience": "stopped early: no better dev score for training.patience epochs",
    "interrupt": "interrupted (the checkpoint is kept: --resume continues from it)",
}


@click.command("train")
@click.option("--train", "train_file", required=True, metavar="FILE", help="Tagged sentences to learn from.")
@click.option("--dev", "dev_file", metavar="FILE", help="Tagged sentences to choose the best epoch by.")
@click.option("--test", "test_file", metavar="FILE", help="Tagged sentences to score the finished model on.")
@click.option("--out", "out", required=True, metavar="MODEL", help="The model file to write.")
@click.option("--preset", help="The settings to start from: ner, pos or chunk.  [default: ner, or those of --init]")
@click.option("--init", metavar="MODEL", help="Start from the weights of this model: fine-tune it.")
@click.option(
    "--vectors",
    metavar="FILE",
    help="Word vectors: GloVe, word2vec, fastText's .vec, Senna, or a table of tagsmith vectors.",
)
@click.option("--epochs", type=click.IntRange(min=1), metavar="N", help="Short for --set training.epochs=N.")
@click.option("--seed", type=click.IntRange(min=0), metavar="N", help="Short for --set training.seed=N.")
@click.option("--set", "assignments", multiple=True, metavar="NAME=VALUE", help="Change a setting. May be repeated.")
@click.option("--config", metavar="FILE.toml", help="Read settings from a TOML file; --set overrides it.")
@options.columns
@options.skip_bad
@options.device
@click.option("--resume", is_flag=True, help="Resume from the checkpoint of an unfinished training to MODEL.")
@click.option(
    "--resume-anyway",
    is_flag=True,
    help="Resume even with other settings, sentences or versions; words, characters and tags must be the same.",
)
@click.option(
    "--checkpoint-minutes",
    type=click.FloatRange(min=0.0),
    default=10.0,
    show_default=True,
    metavar="N",
    help="Time between checkpoints within an epoch.",
)
@click.option("--quiet", is_flag=True, help="Print no progress.")
def command(
    train_file: str,
    dev_file: str | None,
    test_file: str | None,
    assignments: tuple[str, ...],
    columns: Columns,
    skipped: SkippedLines,
    quiet: bool,
    out: str,
    **more: Any,  # the options that Tagger.train takes under the same names
) -> None:
    """Train a tagger on files of tagged sentences.

    \b
    Example:
      tagsmith train --train train.conll --dev dev.conll --test test.conll \\
          --vectors glove.6B.100d.txt.gz --seed 1 --out ner.safetensors

    Files hold CoNLL columns (by default the word first and the tag last), CoNLL-U if they end in .conllu (by default
    UPOS), or JSON lines if they end in .jsonl (tokens and tags, or text and spans). A log (.log.jsonl) and a picture of
    loss and F1 (.png) are written next to the model. Ctrl-C ends the training and keeps the best epoch so far. To
    continue a training that was cut off or ended by Ctrl-C, run the same command again with --resume: the model will be
    the same, byte for byte.
    """
    require("torch", "PyTorch", "train")
    if test_file is not None:
        check_readable(test_file)
    tagger = Tagger.train(
        train_file,
        dev_file,
        settings=parse_assignments(assignments),
        columns=columns,
        on_bad=skipped.on_bad,
        out=out,
        progress=not quiet,
        **more,
    )
    training = tagger.model.training
    if not quiet:
        click.echo(f"{_ENDS[training['stopped']]}; wrote {out}, from epoch {training['best_epoch']}", err=True)
    if test_file is not None:
        click.echo(score_table(tagger.evaluate(test_file, columns=columns, on_bad=skipped.on_bad)), nl=False)
    skipped.print_count()
