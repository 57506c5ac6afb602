"""A demonstration: ``python -m tagsmith.demo [FOLDER]``.

It tags with the models in the package. Then it trains on the corpus in the package, evaluates, tags, and writes an
HTML page. Every step is a command of the shell, printed before it runs.
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import click

from tagsmith.cli import run

HERE = Path(__file__).parent


def main(folder: Path) -> None:
    """Run the demonstration, and write its files to a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    model, page = folder / "demo.safetensors", folder / "demo.html"
    corpus = {part: HERE / f"{part}.conll" for part in ("train", "dev", "test")}
    _shell("models")
    for shipped in ("en-ner", "en-pos"):
        _shell("tag", shipped, "--text", "Jay is from India.")
    _shell("train", "--train", corpus["train"], "--dev", corpus["dev"], "--epochs", 40, "--resume", "--out", model)
    _shell("evaluate", model, corpus["test"])
    _shell("tag", model, "--text", "Jay is from India.")
    _shell("tag", model, corpus["test"], "--to", "html", "--out", page)
    click.echo(f"\nThe test sentences with their labels, for a browser: {page.resolve()}")
    click.echo(f"The curves of the training:                         {model.with_suffix('.png').resolve()}")


def _shell(*words: object) -> None:
    arguments = [str(word) for word in words]
    click.echo(f"\n$ tagsmith {shlex.join(arguments)}")
    sys.stdout.flush()
    if code := run(arguments):
        sys.exit(code)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "demo-out"))
