"""What every request goes through: its id, its key, its place among those under way, its errors, its log line."""

from __future__ import annotations

import re
import secrets
import time
from dataclasses import dataclass

import msgspec
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tagsmith.serve.app import Service, ServiceFacts
from tagsmith.serve.limits import RequestRefused
from tagsmith.serve.messages import ErrorDetail, ErrorResponse

_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_TAGGING = ("/v1/tag", "/v1/lines")
_ROUTES = ("/", *_TAGGING, "/v1/models", "/healthz", "/readyz", "/metrics", "/openapi.json", "/docs")
_UNMATCHED = {404: ("not_found", "there is nothing here"), 405: ("method", "this is not done with this method")}


@dataclass
class Middleware:
    """An ASGI application around the routes of a service."""

    service: Service
    routes: ASGIApp
    hosts: frozenset[str] | None = None
    """By what names it may be called; None: any."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        headers = dict(scope["headers"])
        given = headers.get(b"x-request-id", b"")
        # A careless client's key must not come into the log.
        is_good = _ID.fullmatch(given) and not self.service.keys.allow(b"Bearer " + given)
        request_id = given.decode() if is_good else secrets.token_hex(8)
        facts = scope["facts"] = ServiceFacts()
        scope["app"] = self  # so that the router raises what it does not find
        status = 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message["headers"],
                    (b"x-request-id", request_id.encode()),
                    (b"x-content-type-options", b"nosniff"),
                    *([(b"connection", b"close")] if self.service.load.draining else []),
                ]
            await send(message)

        try:
            await self._enter(scope, receive, answer, headers)
        except RequestRefused as refused:
            await _refuse(refused, request_id, answer)
        except HTTPException as error:
            code, message = _UNMATCHED.get(error.status_code, ("refused", error.detail))
            await _refuse(RequestRefused(error.status_code, code, message, error.headers or {}), request_id, answer)
        except Exception as error:
            self.service.log.failure("error", error, request_id=request_id)
            if status:
                raise _Broken from None
            await _refuse(RequestRefused(500, "error", "this is a fault of the service"), request_id, answer)
        finally:
            self._record(_route(scope), scope["method"], status, time.perf_counter() - started, request_id, facts)

    async def _enter(self, scope: Scope, receive: Receive, send: Send, headers: dict[bytes, bytes]) -> None:
        service, path = self.service, scope["path"]
        if self.hosts is not None:
            _check_caller(headers, self.hosts)
        is_locked = service.keys and (path.startswith("/v1/") or path == "/metrics")
        if is_locked and not service.keys.allow(headers.get(b"authorization", b"")):
            expected = "expected the header Authorization: Bearer KEY, with a key of this service"
            raise RequestRefused(401, "key", expected, {"WWW-Authenticate": "Bearer"})
        if path in _TAGGING:
            if headers.get(b"content-encoding", b"identity").lower() != b"identity":
                raise RequestRefused(
                    415, "encoded", "found an encoded body; expected a plain one, without Content-Encoding"
                )
            with service.load.request() as scope["hold"]:
                await self.routes(scope, receive, send)
        else:
            await self.routes(scope, receive, send)

    def _record(
        self, route: str, method: str, status: int, seconds: float, request_id: str, facts: ServiceFacts
    ) -> None:
        service = self.service
        service.metrics.requests.labels(route, status).inc()
        service.metrics.seconds.labels(route).observe(seconds)
        service.log.write(
            "request",
            request_id=request_id,
            method=method if method in ("GET", "HEAD", "POST") else "other",
            route=route,
            status=status,
            ms=round(1000 * seconds, 2),
            model=facts.model,
            texts=facts.texts,
            tokens=facts.tokens,
            ended=facts.ended,
        )


class _Broken(Exception):
    """An answer broke off; the connection is closed."""


def _check_caller(headers: dict[bytes, bytes], hosts: frozenset[str]) -> None:
    """Keep web pages of others from using a service that only this machine can reach.

    A browser says whose page asks (``Origin``); where a name of another's was made to lead to this machine, ``Host``
    still says that name.
    """
    host, origin = (headers.get(name, b"").decode("latin-1").lower() for name in (b"host", b"origin"))
    expected = f"expected one of: {', '.join(sorted(hosts))}; --allow-host adds one"
    if host and (name := _without_port(host)) not in hosts:
        raise RequestRefused(403, "host", f"found the host {name!r}; {expected}")
    asking = origin.partition("://")[2]
    if origin and asking != host and _without_port(asking) not in hosts:
        raise RequestRefused(403, "origin", f"found a page of {origin!r} that asks; {expected}")


def _without_port(host: str) -> str:
    return re.sub(r":\d+$", "", host)


def _route(scope: Scope) -> str:
    """The route, and never a path of the user's making."""
    if "name" in scope.get("path_params", {}):
        return "/v1/models/{name}/reload"
    return scope["path"] if scope["path"] in _ROUTES else "unmatched"


async def _refuse(refused: RequestRefused, request_id: str, send: Send) -> None:
    body = msgspec.json.encode(
        ErrorResponse(error=ErrorDetail(code=refused.code, message=refused.message, request_id=request_id))
    )
    headers = {"Content-Type": "application/json", "Content-Length": str(len(body)), **refused.headers}
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": refused.status, "headers": raw})
    await send({"type": "http.response.body", "body": body})
