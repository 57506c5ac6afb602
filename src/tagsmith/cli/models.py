"""tagsmith models"""

from __future__ import annotations

from typing import Any

import click


@click.command("models")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def command(name: str | None, as_json: bool) -> None:
    """List the models in the package, or show the card of one: data, licence, scores, limits.

    \b
    Example:
      tagsmith models en-ner
      tagsmith tag en-ner --text "Jay is from India."
    """
    import msgspec

    from tagsmith import bundled, store

    if name is not None:
        facts = _facts(name)
        shown = store.load(name).card or f"{name} has no model card\n"
        click.echo(msgspec.json.encode({**facts, "card": shown}).decode() if as_json else shown, nl=as_json)
        return
    models = [_facts(name) for name in bundled.names()]
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(models), indent=2).decode())
        return
    for facts in models:
        click.echo(f"{facts['name']:12}{facts['bytes'] / 1e6:6.1f} MB  {facts['title']}")


def _facts(name: str) -> dict[str, Any]:
    from tagsmith import bundled, store

    title = store.load(name).card.partition("\n")[0].lstrip("# ")
    return {"name": name, "title": title, "bytes": bundled.find(name).stat().st_size}
