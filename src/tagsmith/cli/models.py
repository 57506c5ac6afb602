"""tagsmith models"""

from __future__ import annotations

from typing import Any

import click
import msgspec

from tagsmith import bundled, store
from tagsmith.cli.parsing import options
from tagsmith.cli.printing.streams import print_json


@click.command("models")
@click.argument("name", required=False)
@options.as_json
def command(name: str | None, as_json: bool) -> None:
    """List the models in the package, or show the card of one.

    \b
    Example:
      tagsmith models en-ner
      tagsmith tag en-ner --text "Jay is from India."

    A model card tells the data, the licence, the scores and the limits of the model.
    """
    if name is not None:
        facts = _facts(name)
        card = store.load(name).card or f"{name} has no model card\n"
        click.echo(msgspec.json.encode({**facts, "card": card}).decode() if as_json else card, nl=as_json)
        return
    models = [_facts(name) for name in bundled.names()]
    if as_json:
        print_json(models)
        return
    for facts in models:
        click.echo(f"{facts['name']:12}{facts['bytes'] / 1e6:6.1f} MB  {facts['title']}")


def _facts(name: str) -> dict[str, Any]:
    title = store.load(name).card.partition("\n")[0].lstrip("# ")
    return {"name": name, "title": title, "bytes": bundled.find(name).stat().st_size}
