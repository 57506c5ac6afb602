"""Refused requests: their status, their error code, and the JSON body that says why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from tagsmith.serve.messages import ErrorDetail, ErrorResponse


@dataclass
class RequestRefused(Exception):
    """A request that is answered by an error."""

    status: int
    code: str
    """For programs: one word for each kind of error."""
    message: str
    """For people: what was found and what was expected."""
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self, request_id: str) -> bytes:
        """Return the body of the response, as JSON."""
        error = ErrorDetail(code=self.code, message=self.message, request_id=request_id)
        return msgspec.json.encode(ErrorResponse(error=error))


def invalid(message: str) -> RequestRefused:
    """Return the refusal of a request whose JSON or query has a field or value that is not allowed."""
    return RequestRefused(422, "invalid", message)


def busy(message: str) -> RequestRefused:
    """Return the refusal of a request that the service has no capacity for at the moment."""
    return RequestRefused(503, "busy", message, {"Retry-After": "1"})
