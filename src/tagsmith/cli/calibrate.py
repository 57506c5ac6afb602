"""tagsmith calibrate"""

from __future__ import annotations

import click

from tagsmith.cli.parsing import options
from tagsmith.cli.printing.streams import SkippedLines
from tagsmith.formats.columns import Columns
from tagsmith.store import Calibration
from tagsmith.tagger import Tagger


@click.command("calibrate")
@click.argument("model")
@click.argument("dev")
@click.option("--out", metavar="FILE", help="Write the model to this file.  [default: MODEL itself]")
@options.columns
@options.skip_bad
@options.precision
def command(model: str, dev: str, out: str | None, columns: Columns, skipped: SkippedLines, precision: str) -> None:
    """Fit a temperature, so that probabilities can be trusted.

    \b
    Example:
      tagsmith calibrate ner.safetensors dev.conll

    The temperature divides all scores before they become probabilities; no tag changes. It is the one under which the
    outcomes on DEV are most probable: predicted spans that are right or wrong (for plain tags, tokens). The model file
    keeps it, together with ECE and Brier score before and after. The scores after are cross-fitted: each fifth of the
    sentences is measured at the temperature of the others.
    """
    target = options.checked_target(model, out, dev)
    tagger = Tagger.load(model, precision=precision).calibrate(dev, columns=columns, on_bad=skipped.on_bad)
    tagger.save(target)
    assert tagger.model.calibration is not None
    unit = "tokens" if tagger.model.is_plain else "predicted spans"
    _print(tagger.model.calibration, unit, tagger.model.config.decode.temperature)
    skipped.print_count()
    click.echo(f"wrote {target}", err=True)


def _print(found: Calibration, unit: str, temperature: float) -> None:
    click.echo(f"{found.sentences:,} sentences, {found.answers:,} {unit}; temperature {temperature:.3f}")
    click.echo(f"before  ECE {found.ece_before:.4f}  Brier {found.brier_before:.4f}")
    click.echo(f"after   ECE {found.ece_after:.4f}  Brier {found.brier_after:.4f}  (cross-fitted)")
    if found.brier_after > found.brier_before or found.ece_after > found.ece_before:
        click.echo(
            "warning: cross-fitted, the probabilities did not improve; "
            f"{found.answers:,} {unit} may be too few to fit a temperature",
            err=True,
        )
