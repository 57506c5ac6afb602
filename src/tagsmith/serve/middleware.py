"""The ASGI application: what every request passes through before and after the handler of its route."""

from __future__ import annotations

import re
import secrets
import time
from functools import partial

from starlette import routing
from starlette.types import Message, Receive, Scope, Send

from tagsmith.serve.limits import LoadCounter
from tagsmith.serve.refusals import RequestRefused
from tagsmith.serve.service import RequestFacts, Route, Service

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_LOGGED_METHODS = ("GET", "HEAD", "POST")
_UNMATCHED = "unmatched"  # in the log and the metrics, which never contain a path that a client made up


class Middleware:
    """The ASGI application of a service.

    It finds the route of a request, checks host, key and limits, answers errors, and writes metrics and the log.
    """

    def __init__(self, service: Service, hosts: frozenset[str] | None = None) -> None:
        """
        Args:
            hosts: the host names that the service answers to; None for any.
        """
        self._service, self._hosts = service, hosts
        self._routes = [
            (route, routing.Route(route.path, partial(route.handler, service), methods=[route.method]))
            for route in service.routes
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        response = _Response(send, self._request_id(scope), self._service.load)
        facts = scope["facts"] = RequestFacts()
        route, endpoint = self._match(scope)
        try:
            await self._admit(route, endpoint, scope, receive, response)
        except RequestRefused as refused:
            await response.refuse(refused)
        except Exception as error:
            self._service.log.failure("error", error, request_id=response.request_id)
            if response.status:
                raise _ResponseBroken from None
            await response.refuse(RequestRefused(500, "error", "internal error of the service"))
        finally:
            label = route.path if route else _UNMATCHED
            self._record(label, scope["method"], response, time.perf_counter() - started, facts)

    def _request_id(self, scope: Scope) -> str:
        given = dict(scope["headers"]).get(b"x-request-id", b"")
        # A client may send its key by mistake, which must not get into the log.
        is_usable = _REQUEST_ID.fullmatch(given) and not self._service.keys.allow(b"Bearer " + given)
        return given.decode() if is_usable else secrets.token_hex(8)

    def _match(self, scope: Scope) -> tuple[Route | None, routing.Route | None]:
        """Return the row and the endpoint of the path and method; of the path alone, the row only."""
        found = None
        for route, endpoint in self._routes:
            match, matched = endpoint.matches(scope)
            if match is routing.Match.FULL:
                scope.update(matched)
                return route, endpoint
            if match is routing.Match.PARTIAL:
                found = found or route
        return found, None

    async def _admit(
        self, route: Route | None, endpoint: routing.Route | None, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Call the handler, if host, key and limits allow it.

        Raises:
            RequestRefused: they do not, or the handler refuses the request.
        """
        service, headers = self._service, dict(scope["headers"])
        if self._hosts is not None:
            _check_host(headers, self._hosts)
        needs_key = route.needs_key if route else scope["path"].startswith("/v1/")  # a 404 is for those with a key
        if needs_key and service.keys and not service.keys.allow(headers.get(b"authorization", b"")):
            expected = "expected the header Authorization: Bearer KEY, with an API key of this service"
            raise RequestRefused(401, "key", expected, {"WWW-Authenticate": "Bearer"})
        if route is None:
            raise RequestRefused(404, "not_found", "404 not found")
        if endpoint is None:
            allowed = ", ".join(one.method for one in service.routes if one.path == route.path)
            raise RequestRefused(
                405, "method", f"found method {scope['method']}; expected {allowed}", {"Allow": allowed}
            )
        if not route.is_tagging:
            await endpoint.handle(scope, receive, send)
            return
        if headers.get(b"content-encoding", b"identity").lower() != b"identity":
            raise RequestRefused(415, "encoded", "found a Content-Encoding; expected a body without one")
        with service.load.admit() as scope["reserve"]:
            await endpoint.handle(scope, receive, send)

    def _record(self, label: str, method: str, response: _Response, seconds: float, facts: RequestFacts) -> None:
        service = self._service
        service.metrics.requests.labels(label, response.status).inc()
        service.metrics.seconds.labels(label).observe(seconds)
        service.log.write(
            "request",
            request_id=response.request_id,
            method=method if method in _LOGGED_METHODS else "other",
            route=label,
            status=response.status,
            ms=round(1000 * seconds, 2),
            model=facts.model,
            texts=facts.texts,
            tokens=facts.tokens,
            ended=facts.ended,
        )


class _Response:
    """Sends a response, with the headers that every response has, and remembers its status."""

    def __init__(self, send: Send, request_id: str, load: LoadCounter) -> None:
        self._send, self._load = send, load
        self.request_id = request_id
        self.status = 0
        """0 until the response has started."""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [
                *message["headers"],
                (b"x-request-id", self.request_id.encode()),
                (b"x-content-type-options", b"nosniff"),
                *([(b"connection", b"close")] if self._load.draining else []),
            ]
        await self._send(message)

    async def refuse(self, refused: RequestRefused) -> None:
        """Send a refusal."""
        body = refused.body(self.request_id)
        headers = {"Content-Type": "application/json", "Content-Length": str(len(body)), **refused.headers}
        encoded = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        await self({"type": "http.response.start", "status": refused.status, "headers": encoded})
        await self({"type": "http.response.body", "body": body})


class _ResponseBroken(Exception):
    """A response that failed after it had started; the server closes the connection."""


def _check_host(headers: dict[bytes, bytes], hosts: frozenset[str]) -> None:
    """Keep the web pages of other hosts from using a local service through a browser.

    ``Origin`` names the host of the page that asks. If DNS was made to resolve another host's name to this machine,
    ``Host`` still has that name.

    Raises:
        RequestRefused: the name in either header is not allowed.
    """
    host, origin = (headers.get(name, b"").decode("latin-1").lower() for name in (b"host", b"origin"))
    expected = f"expected one of: {', '.join(sorted(hosts))}; --allow-host adds a name"
    if host and (name := _without_port(host)) not in hosts:
        raise RequestRefused(403, "host", f"found the host {name!r}; {expected}")
    origin_host = origin.partition("://")[2]
    if origin and origin_host != host and _without_port(origin_host) not in hosts:
        raise RequestRefused(403, "origin", f"found a request of a page from {origin!r}; {expected}")


def _without_port(host: str) -> str:
    return re.sub(r":\d+$", "", host)
