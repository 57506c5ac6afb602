"""What the service takes, and how it refuses the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from tagsmith.errors import ConfigError


@dataclass(frozen=True)
class Limits:
    """How much one request, and all of them together, may ask for."""

    body_bytes: int = 1 << 20
    """Of a JSON body, or of one line of JSON lines."""
    texts: int = 1_000
    """In one JSON body; JSON lines have any number."""
    tokens: int = 10_000
    """In one text."""
    rules: int = 1_000
    """In one body, or one line of JSON lines."""
    seconds: float = 30.0
    """For a request to come in and be answered; for JSON lines, for each part of it. A client that takes longer to send
    its headers, or reads nothing for so long, is cut off."""
    requests: int = 256
    """Under way at a time, those that wait included; more are told to come back."""
    pending_bytes: int = 32 << 20
    """Of bodies under way at a time."""
    head_bytes: int = 64 << 10
    """Of a request's first line and headers."""

    def __post_init__(self) -> None:
        if not 0 < self.seconds <= _DAY:
            raise ConfigError(f"found a time-out of {self.seconds} seconds; expected one of up to a day")


_DAY = 86_400


@dataclass
class RequestRefused(Exception):
    """A request that gets an error for an answer."""

    status: int
    code: str
    """For programs: one word for each kind."""
    message: str
    """For people: what was found, what was expected."""
    headers: Mapping[str, str] = field(default_factory=dict)


def busy(message: str) -> RequestRefused:
    """The answer to a request there is no room for now."""
    return RequestRefused(503, "busy", message, {"Retry-After": "1"})


class LoadCounter:
    """What is under way, so that more than the limits allow is turned away instead of queued."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.requests = 0
        self.bytes = 0
        self.draining = False
        """Whether the service is about to end: each answer then closes its connection."""

    @contextmanager
    def request(self) -> Iterator[Callable[[int], None]]:
        """Count a request in for as long as it lasts. What this gives is to be called with the bytes it takes in.

        Raises:
            Refused: there are as many requests, or bytes, as may be.
        """
        if self.requests >= self._limits.requests:
            raise busy(f"{self.requests} requests are under way; come back later")
        held = 0

        def hold(size: int) -> None:
            nonlocal held
            if self.bytes + size > self._limits.pending_bytes:
                raise busy(f"requests of {self.bytes} bytes are under way; come back later")
            held += size
            self.bytes += size

        self.requests += 1
        try:
            yield hold
        finally:
            self.requests -= 1
            self.bytes -= held
