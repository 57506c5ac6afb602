"""tagsmith calibrate"""

from __future__ import annotations

import click

from tagsmith.cli import options


@click.command("calibrate")
@click.argument("model")
@click.argument("dev")
@click.option("--out", metavar="FILE", help="Write the model here.  [default: to MODEL itself]")
@options.columns
@options.skip_bad
@options.precision
def command(
    model: str,
    dev: str,
    out: str | None,
    word_column: int | str | None,
    tag_column: int | str | None,
    skip_bad: bool,
    precision: str,
) -> None:
    """Fit a temperature on DEV, so that the probabilities of a model's answers can be believed.

    \b
    Example:
      tagsmith calibrate ner.safetensors dev.conll

    All scores are divided by the temperature before they become probabilities; no tag changes. It is the one under
    which the outcomes on DEV, spans right or wrong (of plain tags, tokens), are most probable. The model file keeps it,
    with ECE and Brier score before and after: each fifth of the sentences at the temperature of the others.
    """
    from tagsmith.files import check_distinct
    from tagsmith.formats.columns import Columns
    from tagsmith.tagger import Tagger

    target = options.target(model, out)
    check_distinct(target, dev)
    skipped = options.Skipped(skip_bad)
    columns = Columns(word_column, tag_column)
    tagger = Tagger.load(model, precision=precision).calibrate(dev, columns=columns, on_bad=skipped.on_bad)
    tagger.save(target)
    found = tagger.model.calibration
    assert found is not None
    unit = "tokens" if tagger.model.config.scheme == "plain" else "predicted spans"
    temperature = tagger.model.config.decode.temperature
    click.echo(f"{found.sentences:,} sentences, {found.answers:,} {unit}; temperature {temperature:.3f}")
    click.echo(f"before  ECE {found.ece_before:.4f}  Brier {found.brier_before:.4f}")
    click.echo(f"after   ECE {found.ece_after:.4f}  Brier {found.brier_after:.4f}  (cross-fitted)")
    if found.brier_after > found.brier_before or found.ece_after > found.ece_before:
        told = (
            f"probabilities got no better, cross-fitted; {found.answers:,} {unit} may be too few to fit a temperature"
        )
        click.echo(f"warning: {told}", err=True)
    skipped.say()
    click.echo(f"wrote {target}", err=True)
