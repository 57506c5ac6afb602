"""A real HTTP server on this machine that can misbehave on demand."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Server(ThreadingHTTPServer):
    """A server of ``contents``. Each request takes the next of ``plans``; without a plan it is answered correctly.

    A plan is a status such as "404"; "cut" (the connection closes half way), "hang" (it stalls half way), "whole" (no
    ranges), "shifted" (a wrong range), "unnamed" (no ETag), "unsized" (no Content-Length), or a URL to redirect to.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.contents: dict[str, bytes] = {}
        self.plans: list[str] = []
        self.ranges: list[str | None] = []
        """The header Range of each request."""
        self.released = threading.Event()

    def url(self, path: str) -> str:
        """Return the URL of a path."""
        return f"http://127.0.0.1:{self.server_address[1]}{path}"


class _Handler(BaseHTTPRequestHandler):
    server: Server  # type: ignore[assignment]

    def do_GET(self) -> None:
        requested = self.headers.get("Range")
        self.server.ranges.append(requested)
        plan = self.server.plans.pop(0) if self.server.plans else ""
        if plan.isdigit():
            self.send_error(int(plan))
            return
        if "://" in plan:
            self.send_response(302)
            self.send_header("Location", plan)
            self.end_headers()
            return
        content = self.server.contents[self.path]
        etag = f'"{hashlib.sha256(content).hexdigest()}"'
        start = 0
        if requested and self.headers.get("If-Range") == etag and plan != "whole":
            start = int(requested.removeprefix("bytes=").removesuffix("-")) + (plan == "shifted")
            if start >= len(content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(content)}")
                self.end_headers()
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        else:
            self.send_response(200)
        body = content[start:]
        if plan != "unsized":
            self.send_header("Content-Length", str(len(body)))
        if plan != "unnamed":
            self.send_header("ETag", etag)
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if plan in ("cut", "hang") else body)
        if plan == "hang":
            self.server.released.wait(60)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def serving() -> Iterator[Server]:
    """Run a server until the block ends."""
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.released.set()
            server.shutdown()
            thread.join()
