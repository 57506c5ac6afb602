from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tagsmith import Sentence, Tagger
from tagsmith.errors import ConfigError, DataError
from tagsmith.serve.client import Client, ServiceError
from tagsmith.text import Tagged
from tests.support.running import Running

OPTIONS: list[dict[str, Any]] = [
    {},
    {"probabilities": True},
    {"best": 2, "scheme": "BIOES"},
    {"min_confidence": 0.5},
]


@pytest.mark.parametrize("options", OPTIONS)
def test_answers_are_those_of_a_tagger(service: Running, model_files: Path, options: dict[str, Any]):
    tagger = Tagger.load(model_files / "random.safetensors")
    texts = ["word1 Jay  word2. Word3 x!", "", "é😀 word4"] * 40
    with Client(service.url) as client:
        answers = list(client.tag_all(texts, model="random", **options))
        sentence = client.tag(Sentence(["word1", "x"]), model="random", **options)
    for sent, own in zip(
        [*answers, sentence],
        [*tagger.tag(texts, **options), tagger.tag(Sentence(["word1", "x"]), **options)],
        strict=True,
    ):
        assert rounded(sent) == rounded(own)


def rounded(tagged: Tagged) -> object:
    """Return an answer with six digits of each number, as the service sends them."""

    def six(value: Any) -> Any:
        if isinstance(value, float):
            return float(f"{value:.6g}")
        return tuple(map(six, value)) if isinstance(value, tuple) else value

    return [six(getattr(tagged, name)) for name in Tagged.__slots__]


def test_models(service: Running):
    with Client(service.url) as client:
        models = client.models()
    assert [model.name for model in models] == ["ner", "pos", "random"]
    assert models[0].labels == ["LOC", "PER"]


def test_a_refusal_is_an_error_with_the_message_of_the_service(service: Running):
    with (
        Client(service.url) as client,
        pytest.raises(ServiceError, match="found model 'other'; expected one of") as caught,
    ):
        client.tag("Jay", model="other")
    assert (caught.value.status, caught.value.code) == (404, "unknown_model")
    assert len(caught.value.request_id) == 16


@contextmanager
def flaky(*answers: tuple[int, dict[str, str], bytes]) -> Iterator[tuple[str, list[float]]]:
    """Run a server that gives these responses in turn. Yield its URL and the times of its requests."""
    import time

    left, asked = list(answers), []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(time.monotonic())
            self.rfile.read(int(self.headers["Content-Length"]))
            status, headers, body = left.pop(0)
            if not status:
                self.connection.close()
                return
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            pass  # the connections closed on purpose

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()
        thread.join()


GOOD = (200, {}, b'{"model":"m","answers":[{"text":"x","tokens":["x"],"tags":["O"],"spans":[],"sentences":[[0,1]]}]}')
BUSY = (503, {"Retry-After": "0.5"}, b"busy")
CUT = (0, {}, b"")


def test_a_busy_or_disconnected_service_is_retried_after_the_time_it_asks_for():
    with flaky(BUSY, CUT, GOOD) as (url, asked), Client(url) as client:
        assert client.tag("x").tags == ("O",)
    assert len(asked) == 3
    assert asked[1] - asked[0] >= 0.5


def test_retries_end():
    with (
        flaky(BUSY, BUSY, GOOD) as (url, asked),
        Client(url, tries=2) as client,
        pytest.raises(ServiceError, match="status 503") as caught,
    ):
        client.tag("x")
    assert (len(asked), caught.value.status) == (2, 503)


def test_only_a_busy_service_is_retried():
    with (
        flaky((500, {}, b"oops"), GOOD) as (url, asked),
        Client(url) as client,
        pytest.raises(ServiceError, match="status 500"),
    ):
        client.tag("x")
    assert len(asked) == 1


def test_a_service_that_can_not_be_reached():
    with Client("http://127.0.0.1:9", tries=2) as client, pytest.raises(ServiceError, match="unreachable"):
        client.tag("x")


def test_what_can_not_be_sent_is_refused_first(service: Running):
    with Client(service.url) as client:
        with pytest.raises(DataError, match=r"^found text that is not valid Unicode"):
            client.tag("\ud800")
        with pytest.raises(ConfigError, match=r"^found min_confidence nan; expected 0 to 1$"):
            client.tag("x", probabilities=True, min_confidence=float("nan"))
