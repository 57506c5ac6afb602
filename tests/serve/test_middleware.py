from __future__ import annotations

import asyncio
import dataclasses
import json
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import Response

from tagsmith.serve.keys import ApiKeys
from tagsmith.serve.routes import ROUTES
from tagsmith.serve.service import Route, Service
from tests.support.in_process import in_process
from tests.support.running import Running, running, wait_for

KEY = "0123456789abcdef-key"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Host": "rebound.example"}, (403, "host")),
        ({"Host": "rebound.example:8000"}, (403, "host")),
        ({"Origin": "https://other.example"}, (403, "origin")),
        ({"Origin": "null"}, (403, "origin")),
    ],
)
def test_pages_of_other_hosts_can_not_use_a_local_service(
    service: Running, headers: dict[str, str], expected: tuple[int, str]
):
    answer = service.post({"text": "x"}, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == expected
    assert "--allow-host" in answer.json()["error"]["message"]


def test_who_may_use_a_local_service(service: Running, model_files: Path):
    port = service.port
    for host in (f"localhost:{port}", f"127.0.0.1:{port}", f"[::1]:{port}", "LOCALHOST"):
        assert service.post({"text": "x"}, headers={"Host": host}).status_code == 200
    own = {"Host": f"localhost:{port}", "Origin": f"http://localhost:{port}"}
    assert service.post({"text": "x"}, headers=own).status_code == 200
    proxied = {"Host": "127.0.0.1", "Origin": "https://tags.example"}
    with running(model_files / "ner.safetensors", "--allow-host", "tags.example") as allowing:
        assert allowing.post({"text": "x"}, headers=proxied).status_code == 200
        assert allowing.post({"text": "x"}, headers={"Host": "tags.example"}).status_code == 200


def test_every_response_has_the_request_id_given_or_a_new_one(service: Running):
    given = service.post({"text": "x"}, headers={"X-Request-ID": "mine-1.2_3"})
    assert given.headers["x-request-id"] == "mine-1.2_3"
    bad = service.post({}, headers={"X-Request-ID": "with a space"})
    assert len(bad.headers["x-request-id"]) == 16
    assert bad.json()["error"]["request_id"] == bad.headers["x-request-id"]


def test_the_log_has_requests_and_no_text(service: Running):
    secret = "Xyzzyqux"
    sent = [
        service.post({"text": f"{secret} left."}),
        service.post({"text": 3, secret: 4}),
        service.post({secret: 1}),
        service.post(secret.encode()),
        service.post({"text": secret, "model": secret}),
        service.get(f"{secret}?q={secret}"),
        service.post(f'{{"text": "{secret}"}}\n{secret}'.encode(), "v1/lines"),
        service.post({"text": "x"}, headers={"X-Request-ID": f"{secret} {secret}", "User-Agent": secret}),
    ]
    last = sent[-1].headers["x-request-id"]
    wait_for(lambda: any(event["request_id"] == last for event in service.events("request")))
    assert not [line for line in service.lines if secret in line]
    logged = {event["request_id"]: event for event in service.events("request")}
    first = logged[sent[0].headers["x-request-id"]]
    assert (first["status"], first["route"], first["model"], first["texts"], first["tokens"]) == (
        200,
        "/v1/tag",
        "ner",
        1,
        3,
    )
    assert first["ms"] > 0
    assert logged[sent[5].headers["x-request-id"]]["route"] == "unmatched"
    assert not service.events("error")


def test_a_key_sent_as_a_request_id_is_not_logged(model_files: Path):
    with running(model_files / "ner.safetensors", env={"TAGSMITH_API_KEYS": KEY}) as service:
        answer = service.post({"text": "x"}, headers={"X-Request-ID": KEY})
        assert answer.status_code == 401
        assert answer.headers["x-request-id"] != KEY
        wait_for(lambda: bool(service.events("request")))
        assert not [line for line in service.lines if KEY in line]


def test_a_service_with_keys_requires_one(model_files: Path):
    env = {"TAGSMITH_API_KEYS": f"another-key-of-mine {KEY}"}
    with running(model_files / "ner.safetensors", env=env) as service:
        body = {"text": "Jay"}
        for header in ({}, {"Authorization": KEY}, {"Authorization": f"Bearer {KEY}x"}):
            answer = service.post(body, headers=header)
            assert (answer.status_code, answer.json()["error"]["code"]) == (401, "key")
            assert answer.headers["www-authenticate"] == "Bearer"
        for header in ({"Authorization": f"Bearer {KEY}"}, {"Authorization": "bearer another-key-of-mine"}):
            assert service.post(body, headers=header).status_code == 200
        assert [service.get(path).status_code for path in ("v1/models", "metrics")] == [401, 401]
        assert [service.get(path).status_code for path in ("", "healthz", "readyz", "openapi.json")] == [200] * 4
        service.stop()
        assert not [line for line in service.lines if "key-of-mine" in line or KEY in line]


def statuses(models: Path, *requests: tuple[str, str], key: str | None = None) -> list[int]:
    """Return the status of each request, by method and path, from a service with a key."""

    async def scenario() -> list[int]:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        async with in_process({"ner": models / "ner.safetensors"}, keys=ApiKeys([KEY])) as local:
            return [(await local.client.request(*one, headers=headers)).status_code for one in requests]

    return asyncio.run(scenario())


def test_unknown_paths_and_methods_need_the_key_of_their_route(model_files: Path):
    requests = ("GET", "/v1/none"), ("GET", "/none"), ("GET", "/v1/tag"), ("POST", "/healthz"), ("HEAD", "/healthz")
    assert statuses(model_files, *requests) == [401, 404, 401, 405, 200]
    assert statuses(model_files, *requests, key=KEY) == [404, 404, 405, 405, 200]


def test_an_unexpected_error_is_a_500_that_is_logged_without_its_message(model_files: Path):
    async def fail(_: Service, __: Request) -> Response:
        raise ValueError("Jay left.")

    async def scenario() -> None:
        routes = [dataclasses.replace(route, handler=fail) if route.path == "/healthz" else route for route in ROUTES]
        async with in_process({"ner": model_files / "ner.safetensors"}, routes) as local:
            answer = await local.client.get("/healthz", headers={"X-Request-ID": "mine"})
            assert (answer.status_code, answer.json()["error"]["code"]) == (500, "error")
            error, request = map(json.loads, local.log.getvalue().splitlines())
            assert (error["error"], error["request_id"], request["status"]) == ("ValueError", "mine", 500)
            assert "Jay" not in local.log.getvalue()

    asyncio.run(scenario())


def test_responses_of_a_draining_service_close_their_connection(model_files: Path):
    async def scenario() -> None:
        async with in_process({"ner": model_files / "ner.safetensors"}) as local:
            assert "connection" not in (await local.client.get("/readyz")).headers
            local.service.load.draining = True
            answer = await local.client.get("/readyz")
            assert (answer.status_code, answer.headers["connection"]) == (503, "close")

    asyncio.run(scenario())


def test_only_tagging_requests_count_against_the_limits(model_files: Path):
    seen: dict[str, int] = {}

    async def count(service: Service, request: Request) -> Response:
        seen[request.url.path] = service.load.requests
        return Response()

    async def scenario() -> None:
        routes = [Route("GET", "/a", count, is_tagging=True), Route("GET", "/b", count)]
        async with in_process({"ner": model_files / "ner.safetensors"}, routes) as local:
            assert (await local.client.get("/a", headers={"Content-Encoding": "gzip"})).status_code == 415
            for path in ("/a", "/b"):
                await local.client.get(path)
        assert (seen, local.service.load.requests) == ({"/a": 1, "/b": 0}, 0)

    asyncio.run(scenario())
