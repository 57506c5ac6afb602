"""The real service in its own process, and clients that keep it busy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

_READ_SECONDS = 120  # to read the rest of the log; the machine may be busy


@dataclass
class Running:
    """A running service, and the log that it wrote."""

    process: subprocess.Popen[str]
    url: str
    lines: list[str] = field(default_factory=list)

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return httpx.URL(self.url).port or 0

    def post(self, body: Any, path: str = "v1/tag", **more: Any) -> httpx.Response:
        """Return the response to a body, sent as JSON or, if it is bytes, as it is."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return httpx.post(self.url + path, content=content, timeout=60, **more)

    def get(self, path: str, **more: Any) -> httpx.Response:
        """Return the response to a GET."""
        return httpx.get(self.url + path, timeout=60, **more)

    def events(self, name: str) -> list[dict[str, Any]]:
        """Return the lines of its log with this event."""
        return [event for event in map(json.loads, list(self.lines)) if event["event"] == name]

    def stop(self) -> int:
        """Send SIGTERM, wait, and return the exit code."""
        self.process.terminate()
        return self.process.wait(60)


@contextmanager
def running(*words: object, env: dict[str, str] | None = None) -> Iterator[Running]:
    """Run ``tagsmith serve`` with these arguments on a free port."""
    command = [sys.executable, "-m", "tagsmith", "serve", "--port", "0", *map(str, words)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path), **(env or {})}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=environment) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        service = Running(process, "")
        reader = threading.Thread(target=lambda stream: service.lines.extend(stream), args=[process.stderr])
        reader.start()
        try:
            service.url = process.stdout.readline().strip()
            assert service.url.startswith("http://"), service.lines
            yield service
        finally:
            process.kill() if process.poll() is None else None
            reader.join(_READ_SECONDS)


class Clients:
    """Threads that tag "Jay left." again and again, each on its own connection, until stopped."""

    def __init__(self, service: Running, number: int = 8) -> None:
        self._url = service.url + "v1/tag"
        self._is_stopped = threading.Event()
        self.labels: list[str] = []
        """The label of Jay in each answer."""
        self.lost: list[Exception] = []
        """The errors of requests without an answer."""
        self.refused = 0
        """The number of threads whose connection was refused."""
        self._threads = [threading.Thread(target=self._send) for _ in range(number)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop all threads."""
        self._is_stopped.set()
        for thread in self._threads:
            thread.join(60)

    def _send(self) -> None:
        with httpx.Client(timeout=30) as client:
            while not self._is_stopped.is_set():
                try:
                    answer = client.post(self._url, json={"text": "Jay left."})
                    self.labels.append(answer.json()["answers"][0]["spans"][0]["label"])
                except httpx.ConnectError:  # nothing was accepted, so nothing is lost
                    self.refused += 1
                    return
                except Exception as error:
                    self.lost.append(error)


def wait_for(happened: Callable[[], bool], seconds: float = 20) -> None:
    """Wait until a condition is true."""
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.05)
