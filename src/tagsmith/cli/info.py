"""tagsmith info"""

from __future__ import annotations

from pathlib import Path

import click

from tagsmith.cli import pages
from tagsmith.errors import DataError


@click.command("info")
@click.argument("model")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.option(
    "--picture",
    metavar="FILE",
    help="Write the transitions as a page (.html) or as a picture (.png, with the train extra).",
)
def command(model: str, as_json: bool, picture: str | None) -> None:
    """Show what a model file holds: labels, sizes, settings, training, and the transitions it has learned.

    \b
    Example:
      tagsmith info ner.safetensors
      tagsmith info ner.safetensors --picture transitions.html

    Transitions are what going from one tag to the next adds to the score of a sequence: a heat map of all of them, the
    strongest and the weakest, and those that decoding never takes.
    """
    import msgspec

    from tagsmith import store
    from tagsmith.bundled import find
    from tagsmith.quality.transitions import learned_transitions
    from tagsmith.schemes import SCHEMES, split_tag

    if picture is not None:
        pages.check_place(picture, pages.PAGE_OR_PICTURE, model)
    loaded = store.load(model)
    config = msgspec.to_builtins(loaded.config)
    is_spans = loaded.config.scheme in SCHEMES
    labels = sorted({split_tag(tag)[1] for tag in loaded.tags if tag != "O"}) if is_spans else list(loaded.tags)
    parameters = sum(array.size for array in loaded.weights.values())
    facts = {
        "file": model,
        "bytes": find(model).stat().st_size,
        "format_version": loaded.format_version,
        "labels": labels,
        "tags": len(loaded.tags),
        "words": len(loaded.alphabets.words),
        "trained_words": loaded.alphabets.trained,
        "chars": len(loaded.alphabets.chars),
        "parameters": parameters,
        "config": config,
        "precision": {"int8": msgspec.to_builtins(loaded.int8)} if loaded.int8 else {},
        "calibration": msgspec.to_builtins(loaded.calibration) if loaded.calibration else {},
        "training": dict(loaded.training),
    }
    transitions = learned_transitions(loaded)
    if as_json:
        facts["transitions"] = None if transitions is None else transitions.as_dict()
        click.echo(msgspec.json.format(msgspec.json.encode(facts), indent=2).decode())
    else:
        from tagsmith.cli.transition_tables import show

        for name, value in _flat(facts):
            click.echo(f"{name:36} {value}")
        show(transitions)
    if picture is not None:
        if transitions is None:
            raise DataError("a softmax head", "one with transitions to draw", source=model)
        pages.write_transitions(transitions, f"Transitions of {Path(model).name}", picture)


def _flat(facts: dict[str, object], prefix: str = "") -> list[tuple[str, str]]:
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
