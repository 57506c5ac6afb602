"""The limits of the service: for one request, and for all requests at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tagsmith.errors import ConfigError
from tagsmith.serve.refusals import busy

_DAY = 86_400  # seconds


@dataclass(frozen=True)
class Limits:
    """The limits of one request, and of all requests in progress together."""

    body_bytes: int = 1 << 20
    """Bytes of a JSON body, or of one line of JSON lines."""
    texts: int = 1_000
    """Inputs in one JSON body. JSON lines have no such limit."""
    tokens: int = 10_000
    """Tokens of one text."""
    rules: int = 1_000
    """Rules in one body, or in one line of JSON lines."""
    seconds: float = 30.0
    """Seconds to receive and answer a request; for JSON lines, each part of it. A client that takes longer to send its
    headers, or reads nothing for this long, is disconnected."""
    requests: int = 256
    """Tagging requests in progress at a time, including those that wait. Further ones are refused as busy."""
    pending_bytes: int = 32 << 20
    """Bytes of all bodies in progress at a time."""
    head_bytes: int = 64 << 10
    """Bytes of a request line with its headers."""

    def __post_init__(self) -> None:
        if not 0 < self.seconds <= _DAY:
            raise ConfigError(f"found a timeout of {self.seconds} seconds; expected more than 0 and at most a day")


class LoadCounter:
    """Counts the requests in progress, so that those beyond the limits are refused instead of queued."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.requests = 0
        self.bytes = 0
        self.draining = False
        """True once the service shuts down: each response then closes its connection."""

    @contextmanager
    def admit(self) -> Iterator[Callable[[int], None]]:
        """Count one request for as long as the block lasts.

        Yields:
            A function that reserves the bytes of the body as they arrive.

        Raises:
            RequestRefused: the limit on requests, or on bytes, is reached.
        """
        if self.requests >= self._limits.requests:
            raise busy(f"{self.requests} requests are in progress; try again later")
        reserved = 0

        def reserve(size: int) -> None:
            nonlocal reserved
            if self.bytes + size > self._limits.pending_bytes:
                raise busy(f"requests of {self.bytes} bytes are in progress; try again later")
            reserved += size
            self.bytes += size

        self.requests += 1
        try:
            yield reserve
        finally:
            self.requests -= 1
            self.bytes -= reserved
