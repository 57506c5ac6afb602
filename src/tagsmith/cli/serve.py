"""tagsmith serve"""

from __future__ import annotations

from pathlib import Path

import click

from tagsmith.cli.parsing import options


@click.command("serve")
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at; 0.0.0.0 is all there are.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0 takes a free one.")
@click.option("--keys", type=click.Path(path_type=Path), metavar="FILE", help="API keys, one a line.")
@click.option("--memory", type=click.IntRange(min=1), default=2000, show_default=True, metavar="MB", help="For models.")
@click.option(
    "--max-body", type=click.IntRange(min=1), default=1024, show_default=True, metavar="KB", help="Of a body."
)
@click.option(
    "--max-texts", type=click.IntRange(min=1), default=1000, show_default=True, metavar="N", help="In a body."
)
@click.option(
    "--max-tokens", type=click.IntRange(min=1), default=10_000, show_default=True, metavar="N", help="In a text."
)
@click.option(
    "--max-requests", type=click.IntRange(min=1), default=256, show_default=True, metavar="N", help="Under way."
)
@click.option(
    "--timeout", type=click.FloatRange(min=0.1), default=30, show_default=True, metavar="SECONDS", help="Of a request."
)
@click.option(
    "--grace",
    type=click.FloatRange(min=0),
    default=1,
    show_default=True,
    metavar="SECONDS",
    help="From SIGTERM to the end of listening.",
)
@click.option("--allow-host", multiple=True, metavar="NAME", help="Another name that a local service answers to.")
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
    """Serve models over HTTP, with a page to try them on at /.

    \b
    Example:
      tagsmith serve en-ner
      tagsmith serve en-ner en-pos mine=ner.safetensors --port 8080 --keys keys.txt
      curl -s localhost:8000/v1/tag -d '{"text": "Jay is from India."}'

    A model is a file, served under its name without .safetensors, a name that tagsmith models lists, or NAME=FILE. The
    first is loaded at once and is for requests that name none; others are loaded when asked for, and let go again when
    the files loaded are larger than --memory together. A file that changes is loaded anew while the old one serves.

    With keys, from --keys or the variable TAGSMITH_API_KEYS, /v1/ and /metrics want "Authorization: Bearer KEY".
    Without, a service at 127.0.0.1 answers to this machine's own names and those of --allow-host alone, so that no web
    page of others can use it. The
    page's address goes to stdout, a log of JSON lines, without any text, to stderr. docs/serve.md has the rest.
    """
    from tagsmith.extras import require

    for module in ("starlette", "uvicorn", "httptools", "prometheus_client"):
        require(module, module, "serve")
    from tagsmith.bundled import find
    from tagsmith.serve.keys import ApiKeys
    from tagsmith.serve.limits import Limits
    from tagsmith.serve.server import ServerSettings, serve
    from tagsmith.tagging import threads_for

    paths: dict[str, Path] = {}
    for model in models:
        name, equals, file = model.partition("=")
        name, file = (name, file) if equals else (Path(model).name.removesuffix(".safetensors"), model)
        if name in paths:
            raise click.UsageError(f"two models are named {name}; name one of them: NAME={file}")
        paths[name] = find(file)
    limits = Limits(
        body_bytes=max_body * 1024,
        texts=max_texts,
        tokens=max_tokens,
        seconds=timeout,
        requests=max_requests,
        pending_bytes=32 * max_body * 1024,
    )
    settings = ServerSettings(
        paths,
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
