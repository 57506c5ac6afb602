"""Shutdown without losing a request, and reloading models on SIGHUP."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import socket
import struct
import sys
from collections.abc import Callable
from types import FrameType

import uvicorn

from tagsmith.serve.connections import ConnectionConfig, LimitedConnection
from tagsmith.serve.service import Service

_SO_ATTACH_FILTER, _BPF_RETURN = 26, 6  # Linux's numbers, on most processors
_SETTLE_SECONDS = 0.1  # until the server knows all connections that the event loop has accepted
_LAST_REQUEST_SECONDS = 3.0  # that open connections have to send a last request after listening has ended
_POLL_SECONDS = 0.02


class DrainingServer(uvicorn.Server):
    """A server that drains on SIGTERM: it accepts requests for a grace period, finishes them, and ends.

    Each response then closes its connection. No connection that a client has opened is dropped while a request may be
    on its way: those that the system still queues are accepted when listening ends, and all open ones get some time for
    a last request.
    """

    def __init__(
        self,
        config: ConnectionConfig,
        service: Service,
        grace: float,
        listener: socket.socket,
        on_started: Callable[[], None],
    ) -> None:
        """
        Args:
            grace: seconds from SIGTERM to the end of listening.
            listener: another handle of the listening socket, which stays open when the server closes its own.
            on_started: called once the server accepts connections.
        """
        super().__init__(config)
        self._config, self._service, self._grace = config, service, grace
        self._listener, self._on_started = listener, on_started
        self._loop = asyncio.get_running_loop()
        if hasattr(signal, "SIGHUP") and not os.isatty(2):  # at a terminal, SIGHUP says that the terminal is gone
            signal.signal(signal.SIGHUP, lambda *_: self._loop.call_soon_threadsafe(self._reload))

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to accept connections."""
        await super().startup(sockets)
        self._on_started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End listening, answer the requests in progress, and end."""
        for server in self.servers:
            server.close()
        ignore_new_connections(self._listener)
        await self._accept_queued()
        self._listener.close()
        await asyncio.sleep(_SETTLE_SECONDS)
        deadline = self._loop.time() + _LAST_REQUEST_SECONDS
        while self.server_state.connections and self._loop.time() < deadline and not self.force_exit:
            await asyncio.sleep(_POLL_SECONDS)
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Start to drain; on Ctrl-C or a second signal, end at once."""
        if sig == signal.SIGINT or self._service.load.draining:
            self.force_exit = self.should_exit
            self.should_exit = True
        self._service.load.draining = True
        self._loop.call_soon_threadsafe(self._loop.call_later, self._grace, self._end)

    async def _accept_queued(self) -> None:
        """Accept the connections that the system still queues."""
        with contextlib.suppress(BlockingIOError):
            while True:
                connection, _ = self._listener.accept()
                await self._loop.connect_accepted_socket(self._connection, connection)

    def _connection(self) -> LimitedConnection:
        return LimitedConnection(config=self._config, server_state=self.server_state, app_state={})

    def _end(self) -> None:
        self.should_exit = True

    def _reload(self) -> None:
        self._reloading = self._loop.create_task(self._service.models.reload_all())


def ignore_new_connections(listener: socket.socket) -> None:
    """Have the system ignore new connections, so that none arrives between the last accept and the close, to be lost.

    A client that connects from now on gets no answer, tries again, and finds the socket closed. Only Linux can do this.
    """
    if sys.platform != "linux":
        return
    instruction = struct.pack("HBBI", _BPF_RETURN, 0, 0, 0)  # a filter that keeps no packet
    program = ctypes.create_string_buffer(instruction)
    with contextlib.suppress(OSError):
        option = struct.pack("HP", 1, ctypes.addressof(program))
        listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, option)
