"""A service in this process, without a socket: quick to start, and with any routes."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tagsmith.serve.logs import ServiceLog
from tagsmith.serve.middleware import Middleware
from tagsmith.serve.routes import ROUTES
from tagsmith.serve.service import Route, Service


@dataclass
class InProcess:
    """A service, a client of it, and its log."""

    service: Service
    client: httpx.AsyncClient
    log: io.StringIO


@asynccontextmanager
async def in_process(
    models: Mapping[str, Path], routes: Sequence[Route] = ROUTES, **settings: Any
) -> AsyncIterator[InProcess]:
    """Run a service of model files with these routes; settings as for ``Service.create``."""
    log = io.StringIO()
    service = Service.create(models, routes, **{"memory": 10**9, "log": ServiceLog(log), **settings})
    transport = httpx.ASGITransport(Middleware(service))
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            yield InProcess(service, client, log)
    finally:
        service.batches.close()
