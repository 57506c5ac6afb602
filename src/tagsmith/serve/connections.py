"""Connections: HTTP/1.1 as uvicorn speaks it, with a limit on headers and on how long a client may take."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tagsmith.serve.limits import Limits
from tagsmith.serve.refusals import RequestRefused


class ConnectionConfig(uvicorn.Config):
    """The configuration of uvicorn for an application whose connections have limits."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        super().__init__(
            app,
            http=LimitedConnection,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=round(limits.seconds) + 1,
        )
        self.limits = limits


class LimitedConnection(HttpToolsProtocol):
    """A connection that a client can't hold for ever.

    It is closed when a client takes too long to send its headers, or reads nothing for as long. Headers that are too
    large and bytes that are not HTTP are refused with the same JSON as any other request.
    """

    def __init__(self, config: ConnectionConfig, *args: Any, **options: Any) -> None:
        super().__init__(config, *args, **options)
        self._limits = config.limits
        self._timer: asyncio.TimerHandle | None = None
        """Closes the connection unless it is stopped in time."""
        self._head_bytes: int | None = 0
        """The bytes of the headers that are being received; None while no headers are."""

    def connection_made(self, transport: Any) -> None:
        """Expect the first request."""
        super().connection_made(transport)
        self._start_timer()

    def data_received(self, data: bytes) -> None:
        """Parse what arrived, and refuse headers that are too large."""
        if self._timer is None and self._is_idle:
            self._start_timer()  # whatever arrives, it has to become a request in time
        was_in_head = self._head_bytes is not None
        super().data_received(data)
        if was_in_head and self._head_bytes is not None and not self.transport.is_closing():
            self._head_bytes += len(data)
            limit = self._limits.head_bytes
            if self._head_bytes > limit:
                message = f"found headers of more than {limit} bytes; expected at most that"
                self._refuse("Request Header Fields Too Large", RequestRefused(431, "headers", message))

    def on_message_begin(self) -> None:
        """Expect the headers of a request."""
        super().on_message_begin()
        self._head_bytes = 0
        self._start_timer()

    def on_headers_complete(self) -> None:
        """Start to answer the request."""
        self._head_bytes = None
        self._stop_timer()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is not HTTP."""
        message = "found something other than an HTTP/1.1 request; expected one"
        self._refuse("Bad Request", RequestRefused(400, "malformed", message))

    def pause_writing(self) -> None:
        """Expect the client to read."""
        super().pause_writing()
        self._start_timer()

    def resume_writing(self) -> None:
        """Stop waiting for the client to read."""
        super().resume_writing()
        self._stop_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop_timer()
        super().connection_lost(exc)

    @property
    def _is_idle(self) -> bool:
        """True if no response is being sent."""
        return self.cycle is None or self.cycle.response_complete

    def _refuse(self, reason: str, refused: RequestRefused) -> None:
        """Send a refusal, unless another response is being sent, and close the connection."""
        if self._is_idle:
            body = refused.body(secrets.token_hex(8))
            head = (
                f"HTTP/1.1 {refused.status} {reason}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            )
            self.transport.write(head.encode() + body)
        self.transport.close()

    def _start_timer(self) -> None:
        self._stop_timer()
        self._timer = self.loop.call_later(self._limits.seconds, self.transport.abort)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
