"""The handlers of the routes. Each takes the service and a request, and returns a response or raises a refusal."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from tagsmith.errors import TagsmithError
from tagsmith.serve import openapi, web_page
from tagsmith.serve.json_lines import answer_lines
from tagsmith.serve.messages import EncodedTagResponses, ModelInfo, ServiceStatus
from tagsmith.serve.model_pool import model_info
from tagsmith.serve.refusals import RequestRefused, busy, invalid
from tagsmith.serve.service import RequestFacts, Service
from tagsmith.serve.service_metrics import CONTENT_TYPE
from tagsmith.serve.tag_inputs import TagInput, check_size, read_options, read_request, request_inputs

_DISCARD_SECONDS = 1.0  # for reading the rest of a body that is too large, so that its sender reads the response
_CLOSE = {"Connection": "close"}


async def tag(service: Service, request: Request) -> Response:
    """Tag the inputs of a JSON body."""
    if request.url.query:
        raise invalid("found a query; expected all options in the body")
    seconds = service.limits.seconds
    try:
        async with asyncio.timeout(seconds):
            return await _tag_body(service, await _read_body(service, request), request.scope["facts"])
    except TimeoutError:
        raise RequestRefused(408, "timeout", f"no answer within {seconds:g} seconds", _CLOSE) from None


async def _tag_body(service: Service, body: bytes, facts: RequestFacts) -> Response:
    options = read_request(body)
    inputs, limits = request_inputs(options), service.limits
    if len(inputs) > limits.texts:
        expected = f"expected at most {limits.texts}; /v1/lines takes any number"
        raise RequestRefused(413, "too_many_texts", f"found {len(inputs)} inputs; {expected}")
    facts.model, tagger = await service.tagger(options.model)
    for number, one in enumerate(inputs):
        check_size(one, f"input {number}", limits, tagger.model.config.tokenizer)
    try:
        answers = await service.tag(facts, tagger, options.tag_arguments(), inputs)
    except TagsmithError as error:
        raise invalid(str(error)) from None
    return _json(EncodedTagResponses(model=facts.model, answers=[msgspec.Raw(answer) for answer in answers]))


async def tag_lines(service: Service, request: Request) -> Response:
    """Tag JSON lines, answering each line while more arrive."""
    options, limits = read_options(request.query_params.multi_items()), service.limits
    request.scope["reserve"](limits.pending_bytes // limits.requests)  # only a few lines wait at a time
    facts: RequestFacts = request.scope["facts"]
    facts.model, tagger = await service.tagger(options.model)

    async def tag_inputs(inputs: Sequence[TagInput]) -> Sequence[bytes]:
        return await service.tag(facts, tagger, options.tag_arguments(), inputs)

    async def write_answers(write: Callable[[bytes], Awaitable[None]]) -> None:
        tokenizer = tagger.model.config.tokenizer
        facts.ended = await answer_lines(_chunks(request), write, tag_inputs, limits, tokenizer)

    return LinesResponse(write_answers)


async def list_models(service: Service, _: Request) -> Response:
    """List the models; the first one is the default."""
    return _json([_info(service, name) for name in service.models.names])


async def reload_model(service: Service, request: Request) -> Response:
    """Reload a model from its file."""
    if not service.keys:
        expected = "reload by changing the file, or with SIGHUP"
        raise RequestRefused(403, "no_keys", f"a service without API keys takes no reload requests; {expected}")
    name = service.models.resolve(request.path_params["name"])
    try:
        await service.models.reload(name)
    except TagsmithError:
        message = f"the file of {name!r} can't be loaded; the model loaded earlier remains in use"
        raise RequestRefused(409, "model_failed", message) from None
    return _json(_info(service, name))


async def health(_: Service, __: Request) -> Response:
    """Say that the process is alive."""
    return _json(ServiceStatus(status="ok"))


async def ready(service: Service, _: Request) -> Response:
    """Say whether to send requests to this service."""
    if service.load.draining:
        raise busy("the service is shutting down")
    return _json(ServiceStatus(status="ready"))


async def metrics(service: Service, _: Request) -> Response:
    """Show the metrics, as Prometheus reads them."""
    return Response(service.metrics.page(), media_type=CONTENT_TYPE)


async def openapi_document(service: Service, _: Request) -> Response:
    """Show the OpenAPI document."""
    return Response(openapi.document(service.routes), media_type="application/json")


async def docs_page(service: Service, _: Request) -> Response:
    """Show the OpenAPI document as a web page."""
    return openapi.page(service.routes).response()


async def tagging_page(_: Service, __: Request) -> Response:
    """Show the web page to tag texts on."""
    return web_page.TAGGING_PAGE.response()


class LinesResponse(Response):
    """A response of JSON lines, written while the request is still read."""

    def __init__(self, write_answers: Callable[[Callable[[bytes], Awaitable[None]]], Awaitable[None]]) -> None:
        super().__init__(media_type="application/x-ndjson")
        del self.headers["content-length"]
        self._write_answers = write_answers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def write(body: bytes) -> None:
            await send({"type": "http.response.body", "body": body, "more_body": True})

        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        await self._write_answers(write)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _read_body(service: Service, request: Request) -> bytes:
    """Return the whole body.

    Raises:
        RequestRefused: the body is too large, too much is in progress, or the connection closed.
    """
    limit = service.limits.body_bytes
    body = bytearray()
    is_too_large = int(request.headers.get("content-length", 0)) > limit
    if not is_too_large:
        async for chunk in _chunks(request):
            request.scope["reserve"](len(chunk))
            body += chunk
            if is_too_large := len(body) > limit:
                break
    if is_too_large:
        if "expect" not in request.headers:
            await _discard_body(request)
        expected = f"expected at most {limit}; /v1/lines takes any number of lines"
        raise RequestRefused(413, "too_large", f"found a body of more than {limit} bytes; {expected}", _CLOSE)
    return bytes(body)


async def _discard_body(request: Request) -> None:
    """Read the rest of the body, for a short time."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_DISCARD_SECONDS):
            async for _ in _chunks(request):
                pass


async def _chunks(request: Request) -> AsyncIterator[bytes]:
    """Yield the body in the chunks in which it arrives."""
    try:
        async for chunk in request.stream():
            yield chunk
    except ClientDisconnect:
        raise RequestRefused(400, "cut", "the connection was closed before the end of the body") from None


def _info(service: Service, name: str) -> ModelInfo:
    return model_info(name, service.models.loaded.get(name))


def _json(value: Any) -> Response:
    return Response(msgspec.json.encode(value), media_type="application/json")
