"""The process: uvicorn with patience that ends, a drain that loses nothing, and reloading on SIGHUP."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import logging
import os
import secrets
import signal
import socket
import struct
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import msgspec
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tagsmith.errors import DataError
from tagsmith.serve.app import Service
from tagsmith.serve.keys import ApiKeys
from tagsmith.serve.limits import Limits, LoadCounter
from tagsmith.serve.logs import ForwardedLogs, ServiceLog
from tagsmith.serve.messages import ErrorDetail, ErrorResponse
from tagsmith.serve.micro_batches import MicroBatches
from tagsmith.serve.middleware import Middleware
from tagsmith.serve.model_pool import ModelPool
from tagsmith.serve.prometheus import ServiceMetrics

_LOCAL = frozenset({"localhost", "127.0.0.1", "::1", "[::1]"})
_SO_ATTACH_FILTER, _BPF_RETURN = 26, 6  # Linux's numbers, on most processors
_SETTLING = 0.1  # seconds until connections that the event loop has taken are known here
_LAST = 3.0  # seconds that open connections have for a request once listening has ended


@dataclass(frozen=True)
class ServerSettings:
    """How a service runs."""

    models: Mapping[str, Path]
    host: str = "127.0.0.1"
    port: int = 8000
    memory: int = 2_000_000_000
    """Bytes of the model files that may be loaded at a time."""
    threads: int = 1
    """That tag at the same time, beside the one that reads and writes."""
    precision: str = "auto"
    grace: float = 1.0
    """Seconds to go on taking connections after SIGTERM, until whoever sends requests looks elsewhere."""
    hosts: frozenset[str] = frozenset()
    """By what other names a service that only this machine can reach, without keys, may be called."""
    limits: Limits = field(default_factory=Limits)

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach it."""
        return self.host in _LOCAL or self.host.startswith("127.")


def serve(settings: ServerSettings, keys: ApiKeys, announce: Callable[[str], None]) -> None:
    """Serve until SIGTERM or Ctrl-C; then finish what is under way.

    Args:
        announce: called with the service's address once it can be reached.

    Raises:
        TagsmithError: the first model can't be loaded, or the address is taken.
    """
    config = uvicorn.Config("", log_config=None)  # for its choice of an event loop
    with (
        _listen(settings.host, settings.port) as listener,
        asyncio.Runner(loop_factory=config.get_loop_factory()) as runner,
    ):
        runner.run(_serve(settings, keys, announce, listener))


async def _serve(
    settings: ServerSettings, keys: ApiKeys, announce: Callable[[str], None], listener: socket.socket
) -> None:
    log = ServiceLog()
    logging.getLogger("uvicorn").addHandler(ForwardedLogs(log))
    load = LoadCounter(settings.limits)
    metrics = ServiceMetrics(lambda: batches.waiting, lambda: load.requests)
    batches = MicroBatches(settings.threads, metrics.batch.observe)
    models = ModelPool(
        settings.models,
        settings.memory,
        settings.precision,
        log,
        lambda name, outcome: metrics.loads.labels(name, outcome).inc(),
    )
    await models.get(models.names[0])
    service = Service(models, batches, metrics, log, settings.limits, load, keys)
    config = uvicorn.Config(
        Middleware(service, service.routes(), settings.hosts | _LOCAL if settings.is_local and not keys else None),
        http=_patient(settings.limits),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=round(settings.limits.seconds) + 1,
    )
    host, port = listener.getsockname()[:2]

    def started() -> None:
        log.write("serving", models=models.names, host=host, port=port, keys=bool(keys))
        announce(f"http://{f'[{host}]' if ':' in host else host}:{port}/")

    server = _Server(config, service, settings.grace, listener.dup(), started)
    watching = asyncio.create_task(models.watch())
    try:
        await server.serve([listener])
    finally:
        watching.cancel()
        batches.close()
    log.write("ended")


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setblocking(False)
        listener.bind(address)
    except OSError as error:
        raise DataError(error.strerror or str(error), "an address that is free", source=f"{host}:{port}") from None
    return listener


def let_nobody_in(listener: socket.socket) -> None:
    """See to it that no connection comes between the last one that is taken and the closing, to be dropped with it.

    Who asks from now on gets no answer, asks again, and finds the socket closed. Linux alone can do so.
    """
    if sys.platform != "linux":
        return
    nothing = ctypes.create_string_buffer(struct.pack("HBBI", _BPF_RETURN, 0, 0, 0))  # a filter that keeps no packet
    program = struct.pack("HP", 1, ctypes.addressof(nothing))
    with contextlib.suppress(OSError):
        listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)


class _Server(uvicorn.Server):
    """On SIGTERM it answers all there is for a while, closing each connection with the answer, and then ends.

    No connection that a client has made is dropped while a request may be on its way: those the system still queues are
    taken when listening ends, and all that are open get a last while.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        service: Service,
        grace: float,
        listener: socket.socket,
        started: Callable[[], None],
    ) -> None:
        super().__init__(config)
        self._service, self._grace, self._started = service, grace, started
        self._listener = listener
        """Another handle of the listening socket, which outlives the server's."""
        self._loop = asyncio.get_running_loop()
        if hasattr(signal, "SIGHUP") and not os.isatty(2):  # at a terminal it means that the terminal is gone
            signal.signal(signal.SIGHUP, lambda *_: self._loop.call_soon_threadsafe(self._reload))

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Take connections, and say so."""
        await super().startup(sockets)
        self._started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End listening, answer what is under way, and end."""
        for server in self.servers:
            server.close()
        let_nobody_in(self._listener)
        with contextlib.suppress(BlockingIOError):
            while True:
                connection, _ = self._listener.accept()
                await self._loop.connect_accepted_socket(self._protocol, connection)
        self._listener.close()
        await asyncio.sleep(_SETTLING)
        patience = self._loop.time() + _LAST
        while self.server_state.connections and self._loop.time() < patience and not self.force_exit:
            await asyncio.sleep(0.02)
        await super().shutdown(sockets)

    def _protocol(self) -> asyncio.Protocol:
        protocol: Any = self.config.http_protocol_class
        return protocol(config=self.config, server_state=self.server_state, app_state={})

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to end; at once on Ctrl-C or when told twice."""
        if sig == signal.SIGINT or self._service.load.draining:
            self.force_exit = self.should_exit
            self.should_exit = True
        self._service.load.draining = True
        self._loop.call_soon_threadsafe(self._loop.call_later, self._grace, self._end)

    def _end(self) -> None:
        self.should_exit = True

    def _reload(self) -> None:
        self._reloading = self._loop.create_task(self._service.models.reload_changed(anyway=True))


def _patient(limits: Limits) -> type[asyncio.Protocol]:
    """A protocol that cuts off clients that take longer to send their headers, or read nothing for so long, and refuses
    headers beyond all measure and what is no HTTP as the service refuses all else."""

    class Patient(HttpToolsProtocol):
        _alarm: asyncio.TimerHandle | None = None
        _head: int | None = 0
        """Bytes of the headers that are coming in; None while there are none."""

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._wait()

        def data_received(self, data: bytes) -> None:
            if self._alarm is None and (self.cycle is None or self.cycle.response_complete):
                self._wait()  # whatever comes, a request must come of it in time
            is_more = self._head is not None
            super().data_received(data)
            if is_more and self._head is not None and not self.transport.is_closing():
                self._head += len(data)
                if self._head > limits.head_bytes:
                    message = f"found headers of more than {limits.head_bytes} bytes; expected fewer"
                    self._refuse(b"431 Request Header Fields Too Large", "headers", message)

        def on_message_begin(self) -> None:
            super().on_message_begin()
            self._head = 0
            self._wait()

        def on_headers_complete(self) -> None:
            self._head = None
            self._come()
            super().on_headers_complete()

        def send_400_response(self, msg: str) -> None:
            self._refuse(b"400 Bad Request", "malformed", "found no request that HTTP/1.1 knows; expected one")

        def pause_writing(self) -> None:
            super().pause_writing()
            self._wait()

        def resume_writing(self) -> None:
            super().resume_writing()
            self._come()

        def connection_lost(self, exc: Exception | None) -> None:
            self._come()
            super().connection_lost(exc)

        def _refuse(self, status: bytes, code: str, message: str) -> None:
            """Answer what can't be read, unless another answer is on its way, and close the connection."""
            if self.cycle is None or self.cycle.response_complete:
                error = ErrorDetail(code=code, message=message, request_id=secrets.token_hex(8))
                body = msgspec.json.encode(ErrorResponse(error=error))
                head = b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n" % (status, len(body))
                self.transport.write(head + b"Connection: close\r\n\r\n" + body)
            self.transport.close()

        def _wait(self) -> None:
            self._come()
            self._alarm = self.loop.call_later(limits.seconds, self.transport.abort)

        def _come(self) -> None:
            if self._alarm is not None:
                self._alarm.cancel()
                self._alarm = None

    return Patient
