"""Open-loop load: send requests at random times (Poisson), at a rate that does not depend on the responses.

    python benchmarks/serve/load.py http://127.0.0.1:8000/v1/tag --rate 800 --seconds 20

The latency of a request counts from the time at which it was due, even if it was sent late because all connections, or
this process, were busy. So a slow response can't hide the requests that had to wait behind it. The script needs nothing
but Python, uses uvloop if it is installed, and prints one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

SENTENCE = "Jay Smith , who is from South India , said the Red Cross would meet ."  # 15 tokens


class Connection(asyncio.Protocol):
    """A kept-alive connection with one request in progress at a time."""

    def __init__(self) -> None:
        self.answer: asyncio.Future[int] | None = None
        self.is_open = True
        self._data = b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._data += data
        head, found, body = self._data.partition(b"\r\n\r\n")
        if not found or self.answer is None:
            return
        fields = head.lower()
        start = fields.index(b"content-length:") + 15
        if len(body) < int(fields[start:].split(b"\r\n", 1)[0]):
            return
        self._data = b""
        if b"\r\nconnection: close" in fields:
            self.is_open = False
        self.answer.set_result(int(head[9:12]))
        self.answer = None

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_open = False
        if self.answer is not None and not self.answer.done():
            self.answer.set_exception(ConnectionResetError())


class Load:
    """Requests to one address, and their outcomes."""

    def __init__(self, url: str, bodies: list[str], connections: int) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        self._requests = [
            f"POST {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body.encode())}\r\n\r\n{body}".encode()
            for body in bodies
        ]
        self._free: list[Connection] = []
        self._slots = asyncio.Semaphore(connections)
        self.latencies: list[float] = []
        self.outcomes: Counter[str] = Counter()

    async def run(self, rate: float, seconds: float) -> float:
        """Send requests for some seconds. Return the seconds until the last response arrived."""
        loop, dice = asyncio.get_running_loop(), random.Random(1)
        started = due = loop.time()
        tasks = set()
        while (due := due + dice.expovariate(rate)) < started + seconds:
            if (wait := due - loop.time()) > 0:
                await asyncio.sleep(wait)
            tasks.add(task := loop.create_task(self._send(due, dice.choice(self._requests))))
            task.add_done_callback(tasks.discard)
        if tasks:
            await asyncio.wait(tasks)
        return loop.time() - started

    async def _send(self, due: float, request: bytes) -> None:
        loop = asyncio.get_running_loop()
        async with self._slots:
            try:
                connection = await self._connection()
            except OSError:
                self.outcomes["refused"] += 1
                return
            answer = connection.answer = loop.create_future()
            connection.transport.write(request)
            try:
                self.outcomes[str(status := await asyncio.wait_for(answer, 60))] += 1
            except (ConnectionResetError, TimeoutError):
                self.outcomes["lost"] += 1
                return
            if status == 200:
                self.latencies.append(loop.time() - due)
            if connection.is_open:
                self._free.append(connection)
            else:
                connection.transport.close()

    async def _connection(self) -> Connection:
        while self._free:
            if (connection := self._free.pop()).is_open:
                return connection
        loop = asyncio.get_running_loop()
        return (await loop.create_connection(Connection, self._host, self._port))[1]


def report(load: Load, rate: float, seconds: float) -> dict[str, object]:
    """Return the figures of a run. Milliseconds are those of responses with status 200."""
    ordered = sorted(load.latencies)
    places = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99.9": 0.999, "max": 1.0}
    ms = {
        n: round(1000 * ordered[min(int(p * len(ordered)), len(ordered) - 1)], 2) for n, p in places.items() if ordered
    }
    answered = round(load.outcomes["200"] / seconds, 1)
    return {"offered": rate, "answered": answered, "ms": ms, "outcomes": dict(load.outcomes)}


async def main() -> None:
    """Read the options, send requests, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("--rate", type=float, required=True, help="requests per second")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--connections", type=int, default=512)
    parser.add_argument(
        "--texts", help="file of texts, one per line, drawn at random  [default: one sentence of 15 tokens]"
    )
    parser.add_argument("--options", default="{}", help="further fields of each body, as JSON")
    given = parser.parse_args()
    texts = Path(given.texts).read_text("utf-8").splitlines() if given.texts else [SENTENCE]
    bodies = [json.dumps({"text": text, **json.loads(given.options)}) for text in texts if text.strip()]
    load = Load(given.url, bodies, given.connections)
    await Load(given.url, bodies, given.connections).run(50, 1)  # warm up
    before = time.process_time()
    seconds = await load.run(given.rate, given.seconds)
    figures = report(load, given.rate, seconds)
    print(json.dumps({**figures, "generator_cpu": round((time.process_time() - before) / seconds, 2)}))


if __name__ == "__main__":
    try:
        from uvloop import new_event_loop
    except ImportError:
        from asyncio import new_event_loop
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(main())
