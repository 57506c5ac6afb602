"""tagsmith train"""

from __future__ import annotations

import click

from tagsmith.cli import options

_ENDS = {
    "epochs": "all epochs done",
    "patience": "stopped, as dev had grown no better for training.patience epochs",
    "interrupt": "stopped by an interrupt (its checkpoint stays: --resume goes on)",
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
@click.option("--set", "assignments", multiple=True, metavar="NAME=VALUE", help="Change a setting; may be repeated.")
@click.option("--config", metavar="FILE.toml", help="Settings from a TOML file; --set wins over it.")
@options.columns
@options.skip_bad
@options.device
@click.option("--resume", is_flag=True, help="Go on from the checkpoint of an unfinished training to MODEL.")
@click.option(
    "--resume-anyway",
    is_flag=True,
    help="The same with other settings, sentences or versions; words, characters and tags must be the same.",
)
@click.option(
    "--checkpoint-minutes",
    type=click.FloatRange(min=0.0),
    default=10.0,
    show_default=True,
    metavar="N",
    help="Time between checkpoints within an epoch.",
)
@click.option("--quiet", is_flag=True, help="Neither progress bar nor lines.")
def command(
    train_file: str,
    dev_file: str | None,
    test_file: str | None,
    out: str,
    preset: str | None,
    init: str | None,
    vectors: str | None,
    epochs: int | None,
    seed: int | None,
    assignments: tuple[str, ...],
    config: str | None,
    word_column: int | str | None,
    tag_column: int | str | None,
    skip_bad: bool,
    device: str,
    resume: bool,
    resume_anyway: bool,
    checkpoint_minutes: float,
    quiet: bool,
) -> None:
    """Train a tagger on files of tagged sentences.

    \b
    Example:
      tagsmith train --train train.conll --dev dev.conll --test test.conll \\
          --vectors glove.6B.100d.txt.gz --seed 1 --out ner.safetensors

    Files hold CoNLL columns (word first and tag last, unless told otherwise), CoNLL-U where they end in .conllu (UPOS,
    unless told otherwise), or JSON lines where they end in .jsonl (tokens and tags, or text and spans).
    Beside the model come a log (.log.jsonl) and a picture of loss and F1 (.png). Ctrl-C ends the training and keeps
    the best epoch so far. A training that was cut off, or ended by Ctrl-C, goes on when the same command comes
    again with --resume, and ends in the same model, byte for byte.
    """
    from tagsmith.cli.score_tables import render
    from tagsmith.config import parse_assignments
    from tagsmith.extras import require
    from tagsmith.files import check_readable
    from tagsmith.formats.columns import Columns
    from tagsmith.tagger import Tagger

    require("torch", "PyTorch", "train")
    if test_file is not None:
        check_readable(test_file)
    skipped = options.Skipped(skip_bad)
    columns = Columns(word_column, tag_column)
    tagger = Tagger.train(
        train_file,
        dev_file,
        preset=preset,
        init=init,
        vectors=vectors,
        settings=parse_assignments(assignments),
        config=config,
        epochs=epochs,
        seed=seed,
        columns=columns,
        on_bad=skipped.on_bad,
        out=out,
        device=device,
        progress=not quiet,
        resume=resume,
        resume_anyway=resume_anyway,
        checkpoint_minutes=checkpoint_minutes,
    )
    training = tagger.model.training
    if not quiet:
        click.echo(f"{_ENDS[training['stopped']]}; wrote {out}, from epoch {training['best_epoch']}", err=True)
    if test_file is not None:
        click.echo(render(tagger.evaluate(test_file, columns=columns, on_bad=skipped.on_bad)), nl=False)
    skipped.say()
