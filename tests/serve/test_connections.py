from __future__ import annotations

import socket
import time

import pytest

from tests.support.running import Running, wait_for


class TestSlowAndBrokenClients:
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

    def test_headers_that_do_not_arrive_close_the_connection(self, service: Running):
        started = time.monotonic()
        assert self.request(service, b"POST /v1/tag HTTP/1.1\r\nHost: localhost\r\n") == b""
        assert self.request(service) == b""
        assert time.monotonic() - started < 15

    def test_a_body_that_does_not_arrive_is_refused(self, service: Running):
        head = b"POST /v1/tag HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n"
        found = self.request(service, head, b'{"text"')
        assert found.startswith(b"HTTP/1.1 408 ")
        assert b'"code":"timeout"' in found

    def test_a_line_that_does_not_arrive_ends_the_answers(self, service: Running):
        head = b"POST /v1/lines HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n"
        found = self.request(service, head, b'{"text": "Jay"}\n{"te')
        assert found.startswith(b"HTTP/1.1 200 ")
        assert b'"code":"timeout"' in found

    def test_a_client_that_reads_nothing_is_disconnected(self, service: Running):
        body = b'{"text": "Jay left New South Wales."}\n' * 200_000
        with socket.create_connection(("127.0.0.1", service.port)) as line:
            line.settimeout(20)
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            head = f"POST /v1/lines HTTP/1.1\r\nHost: localhost\r\nContent-Length: {9 * len(body)}\r\n\r\n".encode()
            with pytest.raises(OSError, match=r"reset|[Bb]roken pipe"):
                line.sendall(head + body * 9)

    def test_connections_closed_at_any_moment_do_no_harm(self, service: Running):
        whole = b'POST /v1/tag HTTP/1.1\r\nHost: localhost\r\nContent-Length: 15\r\n\r\n{"text": "Jay"}'
        for length in range(0, len(whole) + 1, 5):
            with socket.create_connection(("127.0.0.1", service.port)) as line:
                line.sendall(whole[:length])
                if length % 2:  # with a reset
                    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        assert service.post({"text": "Jay"}).status_code == 200
        wait_for(lambda: "tagsmith_requests_in_progress 0.0" in service.get("metrics").text)
        assert not service.events("error")
        assert not service.events("library")

    def test_huge_headers_are_refused(self, service: Running):
        found = self.request(service, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n", b"X: " + b"a" * 400_000)
        assert found.startswith(b"HTTP/1.1 431 ")
        assert b'"code":"headers"' in found

    def test_an_unknown_method_is_refused_as_json(self, service: Running):
        found = self.request(service, b"FOO / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert found.startswith(b"HTTP/1.1 400 ")
        assert b'"code":"malformed"' in found

    def test_a_kept_alive_connection_without_a_request_is_closed(self, service: Running):
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

    def test_idle_requests_leave_capacity_for_others(self, service: Running):
        head = b"POST /v1/lines HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n"
        lines = [socket.create_connection(("127.0.0.1", service.port)) for _ in range(40)]
        try:
            for line in lines:
                line.sendall(head)
            wait_for(lambda: "tagsmith_requests_in_progress 40.0" in service.get("metrics").text, 2.5)
            assert service.post({"text": "Jay"}).status_code == 200
        finally:
            for line in lines:
                line.close()

    @pytest.mark.parametrize("garbage", [b"\0" * 200, b"GET / HTTP/9\r\n\r\n", b"POST /v1/tag HTTP/1.1\r\nA" * 9])
    def test_bytes_that_are_not_http_are_refused(self, service: Running, garbage: bytes):
        assert self.request(service, garbage + b"\r\n\r\n").startswith((b"HTTP/1.1 400 ", b""))
        assert service.get("healthz").status_code == 200
