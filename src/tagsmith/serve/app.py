"""The service's routes: what each answers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import Receive, Scope, Send

from tagsmith.errors import TagsmithError
from tagsmith.serve import openapi
from tagsmith.serve import prometheus as metrics
from tagsmith.serve import web_page as page
from tagsmith.serve.json_lines import answer_lines
from tagsmith.serve.keys import ApiKeys
from tagsmith.serve.limits import Limits, LoadCounter, RequestRefused, busy
from tagsmith.serve.logs import ServiceLog
from tagsmith.serve.messages import ModelInfo, TagInput, check, read_options, read_request
from tagsmith.serve.micro_batches import MicroBatches
from tagsmith.serve.model_pool import ModelPool
from tagsmith.serve.prometheus import ServiceMetrics
from tagsmith.tagger import Tagger

_LINGER = 1.0  # seconds in which the rest of a body that is too large is read, so that its sender reads the answer


CLOSE = {"Connection": "close"}


class RawResponses(msgspec.Struct):
    """``messages.Answers``, with each answer already written."""

    model: str
    answers: list[msgspec.Raw]


@dataclass
class ServiceFacts:
    """What a request's log line and metrics say of it."""

    model: str | None = None
    texts: int | None = None
    tokens: int | None = None
    ended: str | None = None
    """Why JSON lines ended before their body did."""


@dataclass
class Service:
    """All that a service has; it belongs to one event loop."""

    models: ModelPool
    batches: MicroBatches
    metrics: ServiceMetrics
    log: ServiceLog
    limits: Limits
    load: LoadCounter
    keys: ApiKeys = field(default_factory=lambda: ApiKeys([]))

    def routes(self) -> Router:
        """The routes as an ASGI application. Errors are raised; the ``door`` answers them."""
        return Router(
            [
                Route("/", self.page, methods=["GET"]),
                Route("/v1/tag", self.tag, methods=["POST"]),
                Route("/v1/lines", self.tag_lines, methods=["POST"]),
                Route("/v1/models", self.list_models, methods=["GET"]),
                Route("/v1/models/{name}/reload", self.reload, methods=["POST"]),
                Route("/healthz", self.health, methods=["GET"]),
                Route("/readyz", self.ready, methods=["GET"]),
                Route("/metrics", self.show_metrics, methods=["GET"]),
                Route("/openapi.json", self.document, methods=["GET"]),
                Route("/docs", self.docs, methods=["GET"]),
            ],
            redirect_slashes=False,
        )

    async def tag(self, request: Request) -> Response:
        """POST /v1/tag"""
        if request.url.query:
            raise RequestRefused(422, "invalid", "found a query; expected all options in the body")
        try:
            async with asyncio.timeout(self.limits.seconds):
                return await self._tag_body(await self._body(request), request.scope["facts"])
        except TimeoutError:
            raise RequestRefused(408, "timeout", f"no answer within {self.limits.seconds:g} seconds", CLOSE) from None

    async def _tag_body(self, body: bytes, facts: ServiceFacts) -> Response:
        asked = read_request(body)
        inputs = asked.given()
        if len(inputs) > self.limits.texts:
            expected = f"expected at most {self.limits.texts}, or lines to /v1/lines"
            raise RequestRefused(413, "too_many_texts", f"found {len(inputs)} inputs; {expected}")
        facts.model, tagger = await self._tagger(asked.model)
        for number, one in enumerate(inputs):
            check(one, f"input {number}", self.limits, tagger.model.config.tokenizer)
        try:
            answers = await self._answers(facts, tagger, asked.wanted(), inputs)
        except TagsmithError as error:
            raise RequestRefused(422, "invalid", str(error)) from None
        return _json(RawResponses(facts.model, [msgspec.Raw(answer) for answer in answers]))

    async def tag_lines(self, request: Request) -> Response:
        """POST /v1/lines"""
        options = read_options(request.query_params.multi_items())
        request.scope["hold"](self.limits.pending_bytes // self.limits.requests)  # its share: few lines wait
        facts: ServiceFacts = request.scope["facts"]
        facts.model, tagger = await self._tagger(options.model)

        async def tag(inputs: Sequence[TagInput]) -> Sequence[bytes]:
            return await self._answers(facts, tagger, options.wanted(), inputs)

        async def answer(write: Callable[[bytes], Awaitable[None]]) -> None:
            tokenizer = tagger.model.config.tokenizer
            facts.ended = await answer_lines(_chunks(request), write, tag, self.limits, tokenizer)

        return _Lines(answer)

    async def _tagger(self, asked: str | None) -> tuple[str, Tagger]:
        name = self.models.named(asked)
        try:
            return name, await self.models.get(name)
        except TagsmithError:
            message = f"model {name!r} can't be loaded now; the log of the service says why"
            raise RequestRefused(503, "model_failed", message, {"Retry-After": "10"}) from None

    async def _answers(
        self, facts: ServiceFacts, tagger: Tagger, wanted: dict[str, Any], inputs: Sequence[TagInput]
    ) -> list[bytes]:
        answered = await self.batches.tag(tagger, wanted, inputs)
        tokens = sum(answer.tokens for answer in answered)
        facts.texts, facts.tokens = (facts.texts or 0) + len(inputs), (facts.tokens or 0) + tokens
        self.metrics.texts.labels(facts.model).inc(len(inputs))
        self.metrics.tokens.labels(facts.model).inc(tokens)
        return [answer.json for answer in answered]

    async def _body(self, request: Request) -> bytes:
        limit = self.limits.body_bytes
        body = bytearray()
        is_too_large = int(request.headers.get("content-length", 0)) > limit
        if not is_too_large:
            async for chunk in _chunks(request):
                request.scope["hold"](len(chunk))
                body += chunk
                if is_too_large := len(body) > limit:
                    break
        if is_too_large:
            if "expect" not in request.headers:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_LINGER):
                        async for _ in _chunks(request):
                            pass
            expected = f"expected at most {limit}, or lines to /v1/lines"
            raise RequestRefused(413, "too_large", f"found a body of more than {limit} bytes; {expected}", CLOSE)
        return bytes(body)

    async def list_models(self, _: Request) -> Response:
        """GET /v1/models"""
        loaded = self.models.loaded
        return _json([ModelInfo.of(name, loaded.get(name)) for name in self.models.names])

    async def reload(self, request: Request) -> Response:
        """POST /v1/models/NAME/reload"""
        if not self.keys:
            raise RequestRefused(403, "no_keys", "a service without API keys reloads when a file changes, or on SIGHUP")
        name = self.models.named(request.path_params["name"])
        try:
            await self.models.reload(name)
        except TagsmithError:
            message = f"the file of {name!r} can't be loaded; the model loaded before goes on"
            raise RequestRefused(409, "model_failed", message) from None
        return _json(ModelInfo.of(name, self.models.loaded.get(name)))

    async def health(self, _: Request) -> Response:
        """GET /healthz"""
        return _json({"status": "ok"})

    async def ready(self, _: Request) -> Response:
        """GET /readyz"""
        if self.load.draining:
            raise busy("the service is ending")
        return _json({"status": "ready"})

    async def show_metrics(self, _: Request) -> Response:
        """GET /metrics"""
        return Response(self.metrics.page(), media_type=metrics.CONTENT_TYPE)

    async def document(self, _: Request) -> Response:
        """GET /openapi.json"""
        return Response(openapi.document(), media_type="application/json")

    async def docs(self, _: Request) -> Response:
        """GET /docs"""
        return page.response(openapi.page())

    async def page(self, _: Request) -> Response:
        """GET /"""
        return page.response(page.TAGGING)


class _Lines(Response):
    """JSON lines, written while the request is read."""

    def __init__(self, answer: Callable[[Callable[[bytes], Awaitable[None]]], Awaitable[None]]) -> None:
        super().__init__(media_type="application/x-ndjson")
        del self.headers["content-length"]
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def write(body: bytes) -> None:
            await send({"type": "http.response.body", "body": body, "more_body": True})

        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        await self._answer(write)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _chunks(request: Request) -> AsyncIterator[bytes]:
    """The body as it comes in."""
    try:
        async for chunk in request.stream():
            yield chunk
    except ClientDisconnect:
        raise RequestRefused(400, "cut", "the connection was cut before the body ended") from None


def _json(value: Any) -> Response:
    return Response(msgspec.json.encode(value), media_type="application/json")
