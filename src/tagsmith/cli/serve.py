"""tagsmith serve"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click

from tagsmith.cli.parsing import options

_COUNT = click.IntRange(min=1)


def _limit(name: str, kind: click.ParamType, default: float, metavar: str, text: str) -> Callable[[Any], Any]:
    """Return an option for a limit, whose help shows its default."""
    return click.option(name, type=kind, default=default, show_default=True, metavar=metavar, help=text)


@click.command("serve")
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; 0.0.0.0 for all of them.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="Port; 0 for a free one.")
@click.option("--keys", type=click.Path(path_type=Path), metavar="FILE", help="File of API keys, one a line.")
@_limit("--memory", _COUNT, 2000, "MB", "Size of all loaded models.")
@_limit("--max-body", _COUNT, 1024, "KB", "Size of a request body.")
@_limit("--max-texts", _COUNT, 1000, "N", "Texts in a request body.")
@_limit("--max-tokens", _COUNT, 10_000, "N", "Tokens in a text.")
@_limit("--max-requests", _COUNT, 256, "N", "Requests in progress at a time.")
@_limit("--timeout", click.FloatRange(min=0.1), 30, "SECONDS", "Time for a request.")
@_limit("--grace", click.FloatRange(min=0), 1, "SECONDS", "Time from SIGTERM to the end of listening.")
@click.option("--allow-host", multiple=True, metavar="NAME", help="Another host name that a local service answers to.")
@options.threads
@options.precision
def command(
    models: tuple[str, ...],
    host: str,
    port: int,
    keys: Path | None,
    memory: int,
    max_body: int,
    max_texts: int,
    max_tokens: int,
    max_requests: int,
    timeout: float,
    grace: float,
    allow_host: tuple[str, ...],
    threads: int | None,
    precision: str,
) -> None:
    """Serve models over HTTP, with a web page to try them on at /.

    \b
    Example:
      tagsmith serve en-ner
      tagsmith serve en-ner en-pos mine=ner.safetensors --port 8080 --keys keys.txt
      curl -s localhost:8000/v1/tag -d '{"text": "Jay is from India."}'

    A MODEL is NAME=FILE, a file, served under its name without .safetensors, or a name that tagsmith models lists. The
    first is the default, and is loaded at the start. The others are loaded on first use, and the least recently used
    are unloaded when the loaded files exceed --memory. When a file changes, its model is reloaded while the old one
    serves.

    With API keys, from --keys or the variable TAGSMITH_API_KEYS, /v1/ and /metrics require the header "Authorization:
    Bearer KEY". Without keys, a service on 127.0.0.1 answers only to the names of this machine and those of
    --allow-host, so that no other web page can use it. The URL goes to stdout. A log of JSON lines, which never
    contains a text, goes to stderr. See docs/serve.md for more.
    """
    _require_extra()
    from tagsmith.serve.keys import ApiKeys
    from tagsmith.serve.limits import Limits
    from tagsmith.serve.server import ServerSettings, serve
    from tagsmith.tagging import threads_for

    limits = Limits(
        body_bytes=max_body * 1024,
        texts=max_texts,
        tokens=max_tokens,
        seconds=timeout,
        requests=max_requests,
        pending_bytes=32 * max_body * 1024,
    )
    settings = ServerSettings(
        _model_files(models),
        host,
        port,
        memory=memory * 1_000_000,
        threads=threads or threads_for(None),
        precision=precision,
        grace=grace,
        hosts=frozenset(name.lower() for name in allow_host),
        limits=limits,
    )
    serve(settings, ApiKeys.read(keys), click.echo)


def _require_extra() -> None:
    from tagsmith.extras import require

    for module in ("starlette", "uvicorn", "httptools", "prometheus_client"):
        require(module, module, "serve")


def _model_files(models: Iterable[str]) -> dict[str, Path]:
    """Return the files of the models by name."""
    from tagsmith.bundled import find

    files: dict[str, Path] = {}
    for model in models:
        name, equals, file = model.partition("=")
        if not equals:
            name, file = Path(model).name.removesuffix(".safetensors"), model
        if name in files:
            raise click.UsageError(f"two models are named {name}; rename one of them: NAME={file}")
        files[name] = find(file)
    return files
