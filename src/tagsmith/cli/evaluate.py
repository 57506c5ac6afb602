"""tagsmith evaluate"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tagsmith.cli import options, pages
from tagsmith.errors import DataError

if TYPE_CHECKING:
    from tagsmith.metrics import Scores
    from tagsmith.quality.mistakes import PredictedSentence
    from tagsmith.tagger import Tagger
    from tagsmith.text import Sentence, TokenizerName


@click.command("evaluate")
@click.argument("model", required=False)
@click.argument("file", required=False)
@click.option("--gold", metavar="FILE", help="Score one file against another: the right tags.")
@click.option("--predicted", metavar="FILE", help="Score one file against another: the tags to score.")
@click.option("--errors", metavar="FILE", help="Write a page (.html) of the errors: kinds, vocabulary, examples.")
@click.option(
    "--calibration",
    is_flag=False,
    flag_value="",
    metavar="[FILE]",
    help="Measure how far probabilities can be believed; with a FILE, draw it as a page (.html) or picture (.png).",
)
@click.option("--json", "as_json", is_flag=True, help="All figures as JSON; percentages from 0 to 100.")
@options.columns
@click.option("--predicted-column", **options.COLUMN, help="Column of the tag in the --predicted file.")
@options.tokenizer
@options.skip_bad
@options.rules
@options.labels
@options.constraints
@options.device
@options.threads
@options.precision
def command(
    model: str | None,
    file: str | None,
    gold: str | None,
    predicted: str | None,
    errors: str | None,
    calibration: str | None,
    as_json: bool,
    word_column: int | str | None,
    tag_column: int | str | None,
    predicted_column: int | str | None,
    tokenizer: TokenizerName | None,
    skip_bad: bool,
    rules: tuple[str, ...],
    labels: str | None,
    constraints: str | None,
    device: str,
    threads: int | None,
    precision: str,
) -> None:
    """Score a model on a file, or one file against another.

    \b
    Example:
      tagsmith evaluate ner.safetensors test.conll
      tagsmith evaluate ner.safetensors test.conll --errors errors.html
      tagsmith evaluate ner.safetensors test.conll --calibration reliability.html
      tagsmith evaluate --gold test.conll --predicted out.conll --json

    Spans are counted exactly as conlleval counts them. A model is scored with its gold and predicted tags both
    written as IOB2; two files are compared tag by tag as they stand, as conlleval does. Files most of whose tags are
    no span tags (parts of speech) are scored by accuracy. With --errors the JSON has the counts of the page too.

    --calibration gives ECE and Brier score of the predicted spans (of plain tags, of the tokens), at temperature 1 and
    at the temperature that tagsmith calibrate left in the model; on the very sentences that it was fitted on, each
    fifth is measured at the temperature of the others.
    """
    if (gold is None) != (predicted is None):
        raise click.UsageError("--gold and --predicted go together")
    if gold is None and predicted_column is not None:
        raise click.UsageError("--predicted-column goes with --predicted")
    of_models = {
        "--constraints": constraints,
        "--calibration": calibration,
        "--rules": rules or None,
        "--labels": labels,
    }
    for name, option in of_models.items():
        if model is None and option is not None:
            raise click.UsageError(f"{name} goes with MODEL")
    if calibration is not None and (rules or labels is not None):
        raise click.UsageError("--calibration is of the model alone: it does not go with --rules or --labels")
    if (gold is None) == (model is None):
        raise click.UsageError("give MODEL and FILE, or --gold and --predicted")
    if gold is None and tokenizer is not None:
        raise click.UsageError("--tokenizer goes with --gold and --predicted; a model has its own")
    if errors is not None:
        pages.check_place(errors, pages.PAGE, model, file, gold, predicted, *rules)
    if calibration:
        pages.check_place(calibration, pages.PAGE_OR_PICTURE, model, file, errors)
    skipped = options.Skipped(skip_bad)
    analysis = report = None
    if gold is not None and predicted is not None:
        from tagsmith.quality.mistakes import analyse

        places = (word_column, tag_column, predicted_column)
        answered, scores = _compare(gold, predicted, places, tokenizer or "words", skipped)
        analysis = analyse(answered, scores) if errors is not None else None
    else:
        if model is None or file is None:
            raise click.UsageError("give the FILE to score MODEL on")
        from tagsmith.formats import sentences_of
        from tagsmith.formats.columns import Columns
        from tagsmith.tagger import Tagger

        columns = Columns(word_column, tag_column)
        known = options.read_rules(rules, labels)
        tagger = Tagger.load(model, device, constraints, threads=threads, precision=precision)
        sentences = sentences_of(file, columns, skipped.on_bad, tagger.model.config.tokenizer)
        analysis = tagger.analyse(sentences, rules=known) if errors is not None else None
        scores = analysis.scores if analysis else tagger.evaluate(sentences, rules=known)
        report = tagger.calibration_report(sentences) if calibration is not None else None
        options.say_unconstrained(tagger)
        _say_unlike(tagger, scores)
        if tagger.precision == "int8":
            click.echo("scored in int8", err=True)
    skipped.say()
    on = f"{Path(model or predicted or '').name} on {Path(file or gold or '').name}"
    if analysis and errors is not None:
        pages.write_errors(analysis, f"Errors of {on}", errors)
    if report and calibration:
        pages.write_reliability(report, f"Confidence of {on}", calibration)
    if as_json:
        import msgspec

        more = {"errors": analysis, "calibration": report}
        figures = {**scores.as_dict(), **{name: found.as_dict() for name, found in more.items() if found}}
        click.echo(msgspec.json.format(msgspec.json.encode(figures), indent=2).decode())
    else:
        from tagsmith.cli.score_tables import render, render_reliability

        click.echo(render(scores), nl=False)
        if report:
            click.echo(render_reliability(report), nl=False)


def _say_unlike(tagger: Tagger, scores: Scores) -> None:
    """Say so where no gold label is one of the model's, so that no answer can be right."""
    from tagsmith.schemes import OUTSIDE, split_tag

    tags = tagger.model.tags
    known = {split_tag(tag)[1] for tag in tags if tag != OUTSIDE} if scores.spans else set(tags)
    gold = {label for label, count in scores.labels.items() if count.gold}
    if gold and not gold & known:
        lists = (f"{' '.join(sorted(labels)[:12])}{' ...' * (len(labels) > 12)}" for labels in (gold, known))
        click.echo("no answer can be right: the file's labels are {}, the model's {}".format(*lists), err=True)


def _compare(
    gold: str,
    predicted: str,
    places: tuple[int | str | None, int | str | None, int | str | None],
    tokenizer: TokenizerName,
    skipped: options.Skipped,
) -> tuple[list[PredictedSentence], Scores]:
    """The sentences with the tags predicted for them, and their scores."""
    from tagsmith import formats, metrics, schemes
    from tagsmith.formats.columns import Columns
    from tagsmith.quality import mistakes

    word, tag, predicted_tag = places
    wanted = formats.read(gold, columns=Columns(word, tag), on_bad=skipped.on_bad, tokenizer=tokenizer)
    found = formats.read(predicted, columns=Columns(word, predicted_tag), on_bad=skipped.on_bad, tokenizer=tokenizer)
    pairs = list(_aligned(wanted, found))
    tags = [tag for pair in pairs for sentence in pair for tag in sentence.tags or ()]
    strange = sum(not schemes.is_span_tag(tag) for tag in tags)
    spans = 2 * strange <= len(tags)  # most tags decide; in a file of span tags, any other is a mistake to be named
    for sentence in (sentence for pair in pairs for sentence in pair) if spans and strange else ():
        schemes.sentence_spans(sentence)
    scores = metrics.score(((a.tags or (), b.tags or ()) for a, b in pairs), spans=spans)
    return [mistakes.PredictedSentence(a, b.tags or ()) for a, b in pairs], scores


def _aligned(wanted: Iterator[Sentence], found: Iterator[Sentence]) -> Iterator[tuple[Sentence, Sentence]]:
    for a, b in zip_longest(wanted, found):
        if a is None or b is None:
            alone = b if a is None else a
            assert alone is not None
            missing = f"a sentence with no counterpart in the {'predicted' if b is None else 'gold'} file"
            raise DataError(missing, "as many sentences in both files", source=alone.source, line=alone.line_of())
        for i, pair in enumerate(zip_longest(a.tokens, b.tokens)):
            if pair[0] != pair[1]:
                expected = f"{pair[0]!r}" if i < len(a) else "the end of the sentence"
                expected += f", as in {a.source}:{a.line_of(min(i, len(a) - 1))}"
                line = b.line_of(min(i, len(b) - 1))
                stands = f"token {pair[1]!r}" if i < len(b) else "the end of the sentence"
                raise DataError(stands, expected, source=b.source, line=line)
        yield a, b
