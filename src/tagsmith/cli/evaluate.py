"""tagsmith evaluate"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tagsmith.cli.parsing import options
from tagsmith.cli.printing import pages
from tagsmith.cli.printing.score_tables import reliability_table, score_table
from tagsmith.cli.printing.streams import SkippedLines, print_json, warn_if_unconstrained
from tagsmith.formats import sentences_of
from tagsmith.formats.columns import Columns
from tagsmith.metrics import Scores
from tagsmith.quality.file_comparison import compare_files
from tagsmith.tagger import Tagger
from tagsmith.text import TokenizerName

if TYPE_CHECKING:
    from tagsmith.quality.calibration import CalibrationReport
    from tagsmith.quality.mistakes import ErrorAnalysis

_LABELS = 12  # shown of the file and of the model where none agree


@dataclass(frozen=True)
class _Evaluation:
    """The result of a command, to be printed and written."""

    title: str
    scores: Scores
    errors: ErrorAnalysis | None = None
    calibration: CalibrationReport | None = None


@click.command("evaluate")
@click.argument("model", required=False)
@click.argument("file", required=False)
@click.option("--gold", metavar="FILE", help="To score one file against another: the file with the correct tags.")
@click.option("--predicted", metavar="FILE", help="To score one file against another: the file with the tags to score.")
@click.option("--errors", metavar="FILE", help="Write a page (.html) of the errors: kinds, vocabulary, examples.")
@click.option(
    "--calibration",
    is_flag=False,
    flag_value="",
    metavar="[FILE]",
    help="Measure how well probabilities match outcomes; with a FILE, draw it as a page (.html) or picture (.png).",
)
@click.option("--json", "as_json", is_flag=True, help="Print all figures as JSON; percentages from 0 to 100.")
@options.columns
@click.option("--predicted-column", **options.COLUMN, help="Column of the tag in the --predicted file.")
@options.tokenizer
@options.skip_bad
@options.rules
@options.engine
def command(
    model: str | None,
    file: str | None,
    gold: str | None,
    predicted: str | None,
    errors: str | None,
    calibration: str | None,
    as_json: bool,
    columns: Columns,
    predicted_column: int | str | None,
    tokenizer: TokenizerName | None,
    skipped: SkippedLines,
    rules: options.RuleOptions,
    engine: options.EngineOptions,
) -> None:
    """Score a model on a file, or one file against another.

    \b
    Example:
      tagsmith evaluate ner.safetensors test.conll
      tagsmith evaluate ner.safetensors test.conll --errors errors.html
      tagsmith evaluate ner.safetensors test.conll --calibration reliability.html
      tagsmith evaluate --gold test.conll --predicted out.conll --json

    Spans are counted exactly as conlleval counts them. For a model, gold and predicted tags are both written as IOB2
    first; two files are compared tag by tag as they are, as conlleval does. If most tags of the files are not span
    tags (parts of speech), the score is accuracy. With --errors, the JSON has the counts of the page too.

    --calibration gives ECE and Brier score of the predicted spans (for plain tags, of the tokens), at temperature 1
    and at the temperature that tagsmith calibrate stored in the model. On the very sentences that it was fitted on,
    each fifth is measured at the temperature of the others.
    """
    model_only = {
        "--constraints": engine.constraints is not None,
        "--calibration": calibration is not None,
        "--rules": bool(rules.files),
        "--labels": rules.labels is not None,
    }
    _check_usage(model, gold, predicted, predicted_column, tokenizer, model_only)
    _check_pages(errors, calibration, (model, file, gold, predicted, *rules.files))
    if gold is not None and predicted is not None:
        predicted_columns = Columns(columns.word, predicted_column)
        result = _compare(
            gold, predicted, columns, predicted_columns, tokenizer, skipped, with_errors=errors is not None
        )
    else:
        if model is None or file is None:
            raise click.UsageError("give the FILE to score MODEL on")
        wanted = {"with_errors": errors is not None, "with_calibration": calibration is not None}
        result = _evaluate(model, file, columns, skipped, rules, engine, **wanted)
    skipped.print_count()
    _report(result, errors, calibration, as_json)


def _check_usage(
    model: str | None,
    gold: str | None,
    predicted: str | None,
    predicted_column: int | str | None,
    tokenizer: str | None,
    model_only: dict[str, bool],
) -> None:
    """Check that the options go together: those of a model, or those of two files."""
    if (gold is None) != (predicted is None):
        raise click.UsageError("--gold and --predicted go together")
    if gold is None and predicted_column is not None:
        raise click.UsageError("--predicted-column goes with --predicted")
    for name, given in model_only.items():
        if model is None and given:
            raise click.UsageError(f"{name} goes with MODEL")
    if model_only["--calibration"] and (model_only["--rules"] or model_only["--labels"]):
        raise click.UsageError("--calibration is of the model alone: it does not go with --rules or --labels")
    if (gold is None) == (model is None):
        raise click.UsageError("give MODEL and FILE, or --gold and --predicted")
    if gold is None and tokenizer is not None:
        raise click.UsageError("--tokenizer goes with --gold and --predicted; a model has its own")


def _check_pages(errors: str | None, calibration: str | None, inputs: tuple[str | None, ...]) -> None:
    if errors is not None:
        pages.check_page_path(errors, pages.PAGE, *inputs)
    if calibration:
        pages.check_page_path(calibration, pages.PAGE_OR_PICTURE, *inputs, errors)


def _compare(
    gold: str,
    predicted: str,
    columns: Columns,
    predicted_columns: Columns,
    tokenizer: TokenizerName | None,
    skipped: SkippedLines,
    *,
    with_errors: bool,
) -> _Evaluation:
    compared = compare_files(
        gold,
        predicted,
        columns=columns,
        predicted_columns=predicted_columns,
        on_bad=skipped.on_bad,
        tokenizer=tokenizer or "words",
    )
    title = f"{Path(predicted).name} on {Path(gold).name}"
    return _Evaluation(title, compared.scores, compared.analyse() if with_errors else None)


def _evaluate(
    model: str,
    file: str,
    columns: Columns,
    skipped: SkippedLines,
    rules: options.RuleOptions,
    engine: options.EngineOptions,
    *,
    with_errors: bool,
    with_calibration: bool,
) -> _Evaluation:
    known = rules.read()
    tagger = engine.load(model)
    sentences = sentences_of(file, columns, skipped.on_bad, tagger.model.config.tokenizer)
    errors = tagger.analyse(sentences, rules=known) if with_errors else None
    scores = errors.scores if errors else tagger.evaluate(sentences, rules=known)
    calibration = tagger.calibration_report(sentences) if with_calibration else None
    warn_if_unconstrained(tagger)
    _warn_if_labels_differ(tagger, scores)
    if tagger.precision == "int8":
        click.echo("scored in int8", err=True)
    return _Evaluation(f"{Path(model).name} on {Path(file).name}", scores, errors, calibration)


def _warn_if_labels_differ(tagger: Tagger, scores: Scores) -> None:
    """Print a note if the model has none of the gold labels, so that no prediction can be correct."""
    known = set(tagger.model.labels)
    gold = {label for label, count in scores.labels.items() if label and count.gold}
    if gold and not gold & known:
        lists = (f"{' '.join(sorted(labels)[:_LABELS])}{' ...' * (len(labels) > _LABELS)}" for labels in (gold, known))
        click.echo("no prediction can be correct: the file's labels are {}, the model's {}".format(*lists), err=True)


def _report(result: _Evaluation, errors: str | None, calibration: str | None, as_json: bool) -> None:
    """Write the pages, and print the figures."""
    if result.errors and errors is not None:
        pages.write_errors(result.errors, f"Errors of {result.title}", errors)
    if result.calibration and calibration:
        pages.write_reliability(result.calibration, f"Confidence of {result.title}", calibration)
    if as_json:
        more = {"errors": result.errors, "calibration": result.calibration}
        print_json({**result.scores.as_dict(), **{name: found.as_dict() for name, found in more.items() if found}})
        return
    click.echo(score_table(result.scores), nl=False)
    if result.calibration:
        click.echo(reliability_table(result.calibration), nl=False)
