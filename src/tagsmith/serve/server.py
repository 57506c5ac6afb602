"""The process of a service: it listens, serves until a signal, and drains."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn

from tagsmith.errors import DataError
from tagsmith.serve.connections import ConnectionConfig
from tagsmith.serve.draining import DrainingServer
from tagsmith.serve.keys import ApiKeys
from tagsmith.serve.limits import Limits
from tagsmith.serve.logs import ForwardedLogs, ServiceLog
from tagsmith.serve.middleware import Middleware
from tagsmith.serve.routes import ROUTES
from tagsmith.serve.service import Service

_LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1", "[::1]"})


@dataclass(frozen=True)
class ServerSettings:
    """The settings of a service."""

    models: Mapping[str, Path]
    """The model files by name; the first is the default."""
    host: str = "127.0.0.1"
    port: int = 8000
    memory: int = 2_000_000_000
    """Bytes of the model files that may be loaded at a time."""
    threads: int = 1
    """Threads that tag, in addition to the one that reads and writes."""
    precision: str = "auto"
    grace: float = 1.0
    """Seconds from SIGTERM to the end of listening, for load balancers to send their requests elsewhere."""
    hosts: frozenset[str] = frozenset()
    """Further host names that a local service without keys answers to."""
    limits: Limits = field(default_factory=Limits)

    @property
    def is_local(self) -> bool:
        """True if only this machine can reach the service."""
        return self.host in _LOCAL_HOSTS or self.host.startswith("127.")


def serve(settings: ServerSettings, keys: ApiKeys, announce: Callable[[str], None]) -> None:
    """Serve until SIGTERM or Ctrl-C, then finish the requests in progress.

    Args:
        announce: called with the URL of the service once it accepts connections.

    Raises:
        TagsmithError: the first model can't be loaded, or the address is in use.
    """
    config = uvicorn.Config("", log_config=None)  # for its choice of an event loop
    with (
        _bind(settings.host, settings.port) as listener,
        asyncio.Runner(loop_factory=config.get_loop_factory()) as runner,
    ):
        runner.run(_serve(settings, keys, announce, listener))


async def _serve(
    settings: ServerSettings, keys: ApiKeys, announce: Callable[[str], None], listener: socket.socket
) -> None:
    log = ServiceLog()
    logging.getLogger("uvicorn").addHandler(ForwardedLogs(log))
    service = Service.create(
        settings.models,
        ROUTES,
        memory=settings.memory,
        threads=settings.threads,
        precision=settings.precision,
        limits=settings.limits,
        keys=keys,
        log=log,
    )
    models = service.models
    await models.get(models.names[0])
    host, port = listener.getsockname()[:2]

    def started() -> None:
        log.write("serving", models=models.names, host=host, port=port, keys=bool(keys))
        announce(f"http://{f'[{host}]' if ':' in host else host}:{port}/")

    hosts = settings.hosts | _LOCAL_HOSTS if settings.is_local and not keys else None
    config = ConnectionConfig(Middleware(service, hosts), settings.limits)
    server = DrainingServer(config, service, settings.grace, listener.dup(), started)
    watching = asyncio.create_task(models.watch())
    try:
        await server.serve([listener])
    finally:
        watching.cancel()
        service.batches.close()
    log.write("ended")


def _bind(host: str, port: int) -> socket.socket:
    """Return a socket bound to an address.

    Raises:
        DataError: the address is in use, or is not one of this machine.
    """
    with contextlib.ExitStack() as on_error:
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            listener = on_error.enter_context(socket.socket(family, kind, protocol))
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.setblocking(False)
            listener.bind(address)
        except OSError as error:
            raise DataError(error.strerror or str(error), "a free address", source=f"{host}:{port}") from None
        on_error.pop_all()
        return listener
