"""tagsmith bench"""

from __future__ import annotations

from pathlib import Path

import click

_NAMES = ("tagging", "latency", "cores", "training", "crf", "start", "memory", "install", "roofline", "curves")


@click.command("bench")
@click.option(
    "--train", "train_file", metavar="FILE", help="Tagged sentences to train on.  [default: the corpus in the package]"
)
@click.option("--dev", "dev_file", metavar="FILE", help="Tagged sentences to choose the best epoch by.")
@click.option("--test", "test_file", metavar="FILE", help="Tagged sentences to tag and score.")
@click.option("--model", metavar="MODEL", help="The model to tag with.  [default: one that is trained first]")
@click.option("--vectors", metavar="FILE", help="Word vectors for training.")
@click.option("--set", "assignments", multiple=True, metavar="NAME=VALUE", help="Change a setting of the training.")
@click.option("--only", multiple=True, type=click.Choice(_NAMES), help="Measure only this. May be repeated.")
@click.option("--repeats", type=click.IntRange(min=1), default=5, show_default=True, help="Timed runs of each.")
@click.option(
    "--rivals",
    default="rivals",
    show_default=True,
    metavar="FOLDER",
    help="The folder that benchmarks/make_rivals.py put the rivals into.",
)
@click.option(
    "--out", default="bench-out", show_default=True, metavar="FOLDER", help="The folder for bench.json and bench.png."
)
def command(
    train_file: str | None,
    dev_file: str | None,
    test_file: str | None,
    model: str | None,
    vectors: str | None,
    assignments: tuple[str, ...],
    only: tuple[str, ...],
    repeats: int,
    rivals: str,
    out: str,
) -> None:
    """Measure speed and memory against installed rivals.

    \b
    Example:
      tagsmith bench --out bench-out
      python benchmarks/make_rivals.py rivals && tagsmith bench --rivals rivals
      tagsmith bench --train train.txt --dev dev.txt --test test.txt --model ner.safetensors --only tagging

    Before each figure, a check confirms that the output is correct; if it is not, the figure is refused and the exit
    code is 1. All taggers take turns, each in its own process on one core with one thread, and start afresh for every
    run; the shortest of the repeated times counts. The folder of --out keeps the trained models for the next time.
    """
    from tagsmith.bench import report, setting, suite
    from tagsmith.config import parse_assignments

    folder = Path(out)
    place = setting.set_up(
        folder,
        Path(rivals),
        train=train_file,
        dev=dev_file,
        test=test_file,
        model=model,
        vectors=vectors,
        settings=parse_assignments(assignments),
        repeats=repeats,
    )
    findings = suite.measure(place, only or _NAMES)
    click.echo(report.render(findings), nl=False)
    for path in report.write(findings, place, folder):
        click.echo(f"wrote {path}", err=True)
    if any(figure.refused for figure in findings.measurements):
        raise SystemExit(1)
