"""Limits, malformed and hostile requests: a clear answer for each, and nothing of it in the log."""

from __future__ import annotations

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tagsmith.rules import Rule, Rules
from tagsmith.serve import micro_batches as batches
from tagsmith.serve.messages import TagInput
from tests.support.running import Running, running, wait_for

LONG = b'{"text": "' + b"a " * 100_000 + b'"}'


def refusal(service: Running, body: object, **more: str) -> tuple[int, str]:
    answer = service.post(body, **more)
    return answer.status_code, answer.json()["error"]["code"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", (400, "malformed")),
        (b"{", (400, "malformed")),
        (b"text", (400, "malformed")),
        (b'{"text": "\xff"}', (400, "malformed")),
        (rb'{"text": "\ud800"}', (400, "malformed")),
        (b'{"inputs": ' + b"[" * 50_000, (422, "invalid")),
        (b"[]", (422, "invalid")),
        (b"{}", (422, "invalid")),
        ({"text": "x", "tokens": ["x"]}, (422, "invalid")),
        ({"text": None}, (422, "invalid")),
        ({"text": "x", "bset": 3}, (422, "invalid")),
        ({"text": "x", "best": 0}, (422, "invalid")),
        ({"text": "x", "best": 11}, (422, "invalid")),
        (b'{"text": "x", "best": 1e400}', (422, "invalid")),
        ({"text": "x", "min_confidence": 1.5}, (422, "invalid")),
        ({"text": "x", "min_confidence": "0.5"}, (422, "invalid")),
        ({"text": "x", "scheme": "XYZ"}, (422, "invalid")),
        ({"text": "x", "model": "pos", "min_confidence": 0.5}, (422, "invalid")),
        ({"tokens": ["x", ""]}, (422, "invalid")),
        ({"inputs": [["x"], [""]]}, (422, "invalid")),
        ({"text": "x", "rules": [{"pattern": ["(a+)+b"], "label": "PER"}]}, (422, "invalid")),
        ({"text": "x", "rules": [{"label": "PER"}]}, (422, "invalid")),
        ({"text": "x", "rules": [{"token": 5, "label": "PER"}]}, (422, "invalid")),
        ({"text": "x", "rules": [{"not": "NO"}]}, (422, "invalid")),
        ({"inputs": ["x"] * 51}, (413, "too_many_texts")),
        ({"text": "a " * 2001}, (413, "too_many_tokens")),
        ({"tokens": ["a"] * 2001}, (413, "too_many_tokens")),
        ({"text": "x", "rules": [{"tokens": ["x"], "label": "PER"}] * 1001}, (413, "too_many_rules")),
        ({"text": "a@" * 2001}, (413, "too_many_tokens")),
        (LONG, (413, "too_large")),
        ({"text": "x", "model": "other"}, (404, "unknown_model")),
    ],
)
def test_bad_bodies_are_refused(service: Running, body: object, expected: tuple[int, str]):
    assert refusal(service, body) == expected


def test_as_much_as_the_limits_allow_is_tagged(service: Running):
    assert service.post({"inputs": ["x"] * 50}).status_code == 200
    assert len(service.post({"text": "a " * 2000}).json()["answers"][0]["tokens"]) == 2000
    assert service.post({"text": "a" * 60_000}).status_code == 200


def test_refusals_of_other_kinds(service: Running):
    assert refusal(service, {"text": "x"}, path="v1/tag?best=2") == (422, "invalid")
    assert refusal(service, {}, path="v1/none") == (404, "not_found")
    assert refusal(service, {}, path="healthz") == (405, "method")
    answer = service.post({"text": "x"}, headers={"Content-Encoding": "gzip"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (415, "encoded")
    assert refusal(service, {}, path="v1/models/ner/reload") == (403, "no_keys")
    assert refusal(service, b'{"text": "x"}', path="v1/lines?best=2&best=3") == (422, "invalid")


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Host": "rebound.example"}, (403, "host")),
        ({"Host": "rebound.example:8000"}, (403, "host")),
        ({"Origin": "https://other.example"}, (403, "origin")),
        ({"Origin": "null"}, (403, "origin")),
    ],
)
def test_pages_of_others_can_not_use_a_local_service(
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


def test_rules_weigh_so_that_many_for_little_text_are_tagged_beside_the_loop(service: Running):
    rules = Rules([Rule(tokens=("a",), label="PER", bonus=0.1)] * 1000)
    assert TagInput("a").weight() < batches._LITTLE
    assert TagInput("a", rules=rules).weight() > batches._LITTLE
    body = {"inputs": ["a"] * 50, "rules": [{"tokens": ["a"], "label": "PER", "bonus": 0.1}] * 1000}
    assert service.post(body).status_code == 200


def test_every_answer_has_a_request_id_which_may_be_the_caller_s(service: Running):
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


def test_metrics_count_what_happened(service: Running):
    def count(name: str) -> float:
        lines = service.get("metrics").text.splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))

    texts, tokens = (f'tagsmith_{what}_total{{model="ner"}}' for what in ("texts", "tokens"))
    refused = 'tagsmith_requests_total{route="/v1/tag",status="422"}'
    before = [count(name) for name in (texts, tokens, refused)]
    service.post({"inputs": ["Jay left.", "India"]})
    service.post({})
    assert [count(name) for name in (texts, tokens, refused)] == [before[0] + 2, before[1] + 4, before[2] + 1]
    assert count("tagsmith_under_way") == 0
    assert count("process_resident_memory_bytes") > 0


class TestSlowAndCut:
    def request(self, service: Running, *pieces: bytes, pause: float = 0) -> bytes:
        with socket.create_connection(("127.0.0.1", service.port), timeout=20) as line:
            for piece in pieces:
                line.sendall(piece)
                time.sleep(pause)
            found = b""
            try:
                while piece := line.recv(65536):
                    found += piece
            except ConnectionResetError:
                pass
            return found

    def test_headers_that_do_not_come_are_cut_off(self, service: Running):
        started = time.monotonic()
        assert self.request(service, b"POST /v1/tag HTTP/1.1\r\nHost: localhost\r\n") == b""
        assert self.request(service) == b""
        assert time.monotonic() - started < 15

    def test_a_body_that_does_not_come_is_refused(self, service: Running):
        head = b"POST /v1/tag HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n"
        found = self.request(service, head, b'{"text"')
        assert found.startswith(b"HTTP/1.1 408 ")
        assert b'"code":"timeout"' in found

    def test_a_line_that_does_not_come_ends_the_answers(self, service: Running):
        head = b"POST /v1/lines HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n"
        found = self.request(service, head, b'{"text": "Jay"}\n{"te')
        assert found.startswith(b"HTTP/1.1 200 ")
        assert b'"code":"timeout"' in found

    def test_a_client_that_reads_nothing_is_cut_off(self, service: Running):
        body = b'{"text": "Jay left New South Wales."}\n' * 200_000
        with socket.create_connection(("127.0.0.1", service.port)) as line:
            line.settimeout(20)
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            head = f"POST /v1/lines HTTP/1.1\r\nHost: localhost\r\nContent-Length: {9 * len(body)}\r\n\r\n".encode()
            with pytest.raises(OSError, match=r"reset|[Bb]roken pipe"):
                line.sendall(head + body * 9)

    def test_connections_cut_at_any_moment_do_no_harm(self, service: Running):
        whole = b'POST /v1/tag HTTP/1.1\r\nHost: localhost\r\nContent-Length: 15\r\n\r\n{"text": "Jay"}'
        for length in range(0, len(whole) + 1, 5):
            with socket.create_connection(("127.0.0.1", service.port)) as line:
                line.sendall(whole[:length])
                if length % 2:  # with a reset
                    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        assert service.post({"text": "Jay"}).status_code == 200
        wait_for(lambda: "tagsmith_under_way 0.0" in service.get("metrics").text)
        assert not service.events("error")
        assert not service.events("library")

    def test_headers_beyond_all_measure_are_refused(self, service: Running):
        found = self.request(service, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n", b"X: " + b"a" * 400_000)
        assert found.startswith(b"HTTP/1.1 431 ")
        assert b'"code":"headers"' in found

    def test_what_is_no_request_is_refused_like_all_else(self, service: Running):
        found = self.request(service, b"FOO / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert found.startswith(b"HTTP/1.1 400 ")
        assert b'"code":"malformed"' in found

    def test_a_kept_connection_on_which_no_request_comes_is_cut_off(self, service: Running):
        began = time.monotonic()
        self.request(service, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", b"\r\n", pause=0.2)
        assert time.monotonic() - began < 15

    def test_blank_lines_do_not_keep_a_request_going(self, service: Running):
        head = b"POST /v1/lines HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n"
        found = self.request(service, head, *[b"\n"] * 8, pause=0.7)
        assert b'"code":"timeout"' in found
        last = found.lower().partition(b"x-request-id: ")[2].partition(b"\r\n")[0].decode()
        wait_for(lambda: any(event["request_id"] == last for event in service.events("request")))
        event = next(event for event in service.events("request") if event["request_id"] == last)
        assert event["ended"] == "timeout"
        assert 3_000 <= event["ms"] < 5_000  # of the 5.6 seconds in which blank lines came

    def test_idle_lines_leave_room_for_others(self, service: Running):
        head = b"POST /v1/lines HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n"
        lines = [socket.create_connection(("127.0.0.1", service.port)) for _ in range(40)]
        try:
            for line in lines:
                line.sendall(head)
            wait_for(lambda: "tagsmith_under_way 40.0" in service.get("metrics").text, 2.5)
            assert service.post({"text": "Jay"}).status_code == 200
        finally:
            for line in lines:
                line.close()

    @pytest.mark.parametrize("garbage", [b"\0" * 200, b"GET / HTTP/9\r\n\r\n", b"POST /v1/tag HTTP/1.1\r\nA" * 9])
    def test_what_is_no_http_is_refused(self, service: Running, garbage: bytes):
        assert self.request(service, garbage + b"\r\n\r\n").startswith((b"HTTP/1.1 400 ", b""))
        assert service.get("healthz").status_code == 200


def test_too_much_at_a_time_is_told_to_come_back(model_files: Path):
    """Eight clients, room for two requests: those that are not served get a 503 with Retry-After at once."""
    with running(model_files / "random.safetensors", "--max-requests", 2) as service:
        body = {"inputs": ["word1 " * 150] * 50, "best": 5}
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: service.post(body), range(16)))
        statuses = [answer.status_code for answer in answers]
        assert set(statuses) == {200, 503}
        refused = answers[statuses.index(503)]
        assert refused.headers["retry-after"] == "1"
        assert refused.json()["error"]["code"] == "busy"
        assert service.post({"text": "x"}).status_code == 200
