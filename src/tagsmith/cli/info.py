"""tagsmith info"""

from __future__ import annotations

import click


@click.command("info")
@click.argument("model")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def command(model: str, as_json: bool) -> None:
    """Show what a model file holds: labels, sizes, settings, training.

    \b
    Example:
      tagsmith info ner.safetensors
    """
    import msgspec

    from tagsmith import store
    from tagsmith.bundled import find
    from tagsmith.schemes import SCHEMES, split_tag

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
        "training": dict(loaded.training),
    }
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(facts), indent=2).decode())
        return
    for name, value in _flat(facts):
        click.echo(f"{name:36} {value}")


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
