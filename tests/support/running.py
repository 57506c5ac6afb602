"""The real service in a process of its own."""

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

START = 120  # seconds; the machine may be busy


@dataclass
class Running:
    """A service that runs, and what it wrote."""

    process: subprocess.Popen[str]
    url: str
    lines: list[str] = field(default_factory=list)

    @property
    def port(self) -> int:
        """Where it listens."""
        return httpx.URL(self.url).port or 0

    def post(self, body: Any, path: str = "v1/tag", **more: Any) -> httpx.Response:
        """The answer to a body of JSON, or of bytes as they are."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return httpx.post(self.url + path, content=content, timeout=60, **more)

    def get(self, path: str, **more: Any) -> httpx.Response:
        """The answer to a GET."""
        return httpx.get(self.url + path, timeout=60, **more)

    def events(self, name: str) -> list[dict[str, Any]]:
        """The lines of its log with this event."""
        return [event for event in map(json.loads, list(self.lines)) if event["event"] == name]

    def stop(self) -> int:
        """Ask it to end, and wait; its exit code."""
        self.process.terminate()
        return self.process.wait(60)


@contextmanager
def running(*words: object, env: dict[str, str] | None = None) -> Iterator[Running]:
    """``tagsmith serve`` with these words, at a free port."""
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
            reader.join(START)


def wait_for(happened: Callable[[], bool], seconds: float = 20) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.05)
