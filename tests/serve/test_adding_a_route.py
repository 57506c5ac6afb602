"""A route is added by one row: routing, keys, metrics, the log and OpenAPI follow from it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from tagsmith.serve.keys import ApiKeys
from tagsmith.serve.routes import ROUTES
from tagsmith.serve.service import Content, Route, Service
from tests.support.in_process import in_process

KEY = {"Authorization": "Bearer 0123456789abcdef"}


class Reversed(msgspec.Struct):
    """A text, read backwards."""

    text: str


async def reverse(_: Service, request: Request) -> Response:
    return Response(msgspec.json.encode(Reversed(request.path_params["text"][::-1])), media_type="application/json")


ROUTE = Route("GET", "/v1/reverse/{text}", reverse, "Reverse a text.", needs_key=True, response=Content(Reversed))


def test_it_answers_and_requires_a_key(model_files: Path):
    async def scenario() -> None:
        async with in_process(files(model_files), (*ROUTES, ROUTE), keys=keys()) as running:
            answer = await running.client.get("/v1/reverse/Jay", headers=KEY)
            assert (answer.status_code, answer.json()) == (200, {"text": "yaJ"})
            assert (await running.client.get("/v1/reverse/Jay")).status_code == 401
            assert (await running.client.post("/v1/reverse/Jay", headers=KEY)).status_code == 405

    asyncio.run(scenario())


def test_it_is_counted_and_logged_under_its_own_label(model_files: Path):
    async def scenario() -> None:
        async with in_process(files(model_files), (*ROUTES, ROUTE)) as running:
            await running.client.get("/v1/reverse/Jay")
            page = (await running.client.get("/metrics")).text
            assert 'tagsmith_requests_total{route="/v1/reverse/{text}",status="200"} 1.0' in page
            logged = [json.loads(line) for line in running.log.getvalue().splitlines()]
            assert [event["route"] for event in logged] == ["/v1/reverse/{text}", "/metrics"]

    asyncio.run(scenario())


def test_it_is_in_the_openapi_document_and_on_the_docs_page(model_files: Path):
    async def scenario() -> None:
        async with in_process(files(model_files), (*ROUTES, ROUTE)) as running:
            document: dict[str, Any] = (await running.client.get("/openapi.json")).json()
            operation = document["paths"]["/v1/reverse/{text}"]["get"]
            assert operation["summary"] == "Reverse a text."
            assert [parameter["name"] for parameter in operation["parameters"]] == ["text"]
            assert operation["responses"].keys() == {"200", "401"}
            assert document["components"]["schemas"]["Reversed"]["description"] == "A text, read backwards."
            assert "GET /v1/reverse/{text}" in (await running.client.get("/docs")).text

    asyncio.run(scenario())


def files(folder: Path) -> dict[str, Path]:
    return {"ner": folder / "ner.safetensors"}


def keys() -> ApiKeys:
    return ApiKeys([KEY["Authorization"].removeprefix("Bearer ")])
