"""tagsmith info"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import msgspec

from tagsmith import store
from tagsmith.bundled import find
from tagsmith.cli.parsing import options
from tagsmith.cli.printing import pages
from tagsmith.cli.printing.streams import print_json
from tagsmith.errors import DataError
from tagsmith.quality.transitions import learned_transitions


@click.command("info")
@click.argument("model")
@options.as_json
@click.option(
    "--picture",
    metavar="FILE",
    help="Write the transitions as a page (.html) or as a picture (.png, with the train extra).",
)
def command(model: str, as_json: bool, picture: str | None) -> None:
    """Show what a model file holds.

    \b
    Example:
      tagsmith info ner.safetensors
      tagsmith info ner.safetensors --picture transitions.html

    Prints labels, sizes, settings, training and the learned transitions. A transition is what a step from one tag to
    the next adds to the score of a sequence. There is a heat map of all transitions, the strongest and the weakest, and
    those that decoding never takes.
    """
    if picture is not None:
        pages.check_page_path(picture, pages.PAGE_OR_PICTURE, model)
    loaded = store.load(model)
    facts = {"file": model, "bytes": find(model).stat().st_size, **_facts(loaded)}
    transitions = learned_transitions(loaded)
    if as_json:
        print_json({**facts, "transitions": None if transitions is None else transitions.as_dict()})
    else:
        from tagsmith.cli.printing.transition_tables import print_transitions

        for name, value in _flat(facts):
            click.echo(f"{name:36} {value}")
        print_transitions(transitions)
    if picture is not None:
        if transitions is None:
            raise DataError("a softmax head", "one with transitions to draw", source=model)
        pages.write_transitions(transitions, f"Transitions of {Path(model).name}", picture)


def _facts(model: store.Model) -> dict[str, Any]:
    return {
        "format_version": model.format_version,
        "labels": list(model.labels),
        "tags": len(model.tags),
        "words": len(model.alphabets.words),
        "trained_words": model.alphabets.trained,
        "chars": len(model.alphabets.chars),
        "parameters": sum(array.size for array in model.weights.values()),
        "config": msgspec.to_builtins(model.config),
        "precision": {"int8": msgspec.to_builtins(model.int8)} if model.int8 else {},
        "calibration": msgspec.to_builtins(model.calibration) if model.calibration else {},
        "training": dict(model.training),
    }


def _flat(facts: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for name, value in facts.items():
        if isinstance(value, dict):
            rows += _flat(value, f"{prefix}{name}.")
        elif isinstance(value, list):
            rows.append((prefix + name, " ".join(map(str, value))))
        elif isinstance(value, float):
            rows.append((prefix + name, f"{value:.6g}"))
        else:
            rows.append((prefix + name, f"{value:,}" if isinstance(value, int) and value > 9999 else str(value)))
    return rows
