from __future__ import annotations

import errno
import select
import signal
import socket
import sys
import threading
from pathlib import Path

import httpx
import pytest

from tagsmith.serve.draining import ignore_new_connections
from tests.support.running import Clients, running, wait_for


def test_no_request_is_lost_on_sigterm_under_load(model_files: Path):
    with running(model_files / "ner.safetensors", "--grace", 1) as service:
        clients = Clients(service)
        wait_for(lambda: len(clients.labels) > 50)
        service.process.send_signal(signal.SIGTERM)
        wait_for(lambda: service.get("readyz").status_code == 503, 0.9)
        before = len(clients.labels)
        assert service.process.wait(60) == 0
        clients.stop()
        assert clients.lost == []
        assert clients.refused == 8
        assert len(clients.labels) > before  # it served for the grace period
        assert service.events("ended")


@pytest.mark.skipif(sys.platform != "linux", reason="no other system can")
def test_a_late_connection_is_refused_and_not_dropped():
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as late:
        address = listener.getsockname()
        with socket.create_connection(address):
            ignore_new_connections(listener)
            late.setblocking(False)
            assert late.connect_ex(address) == errno.EINPROGRESS
            assert select.select([], [late], [], 0.2) == ([], [], [])  # it gets no answer
            listener.accept()[0].close()  # an earlier connection is still accepted
        listener.close()
        assert select.select([], [late], [], 30) == ([], [late], [])
        assert late.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNREFUSED


def test_requests_in_progress_are_finished_before_the_end(model_files: Path):
    with running(model_files / "random.safetensors", "--grace", 0) as service:
        body = {"inputs": ["word1 " * 150] * 1000, "best": 3}
        answers: list[httpx.Response] = []
        thread = threading.Thread(target=lambda: answers.append(service.post(body)))
        thread.start()
        wait_for(lambda: "tagsmith_requests_in_progress 1.0" in service.get("metrics").text)
        assert service.stop() == 0
        thread.join(60)
        assert [answer.status_code for answer in answers] == [200]
        assert len(answers[0].json()["answers"]) == 1000


KEY = "0123456789abcdef-key"


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="the system has no SIGHUP")
def test_sighup_and_a_request_with_a_key_reload_models(model_files: Path, tmp_path: Path):
    keys = tmp_path / "keys.txt"
    keys.write_text(f"# ours\n\n{KEY}\n")
    with running(model_files / "ner.safetensors", model_files / "pos.safetensors", "--keys", keys) as service:
        service.process.send_signal(signal.SIGHUP)
        wait_for(lambda: len(service.events("model_loaded")) == 2)
        allowed = {"Authorization": f"Bearer {KEY}"}
        answer = service.post(b"", "v1/models/ner/reload", headers=allowed)
        assert (answer.status_code, answer.json()["labels"]) == (200, ["LOC", "PER"])
        wait_for(lambda: len(service.events("model_loaded")) == 3)
        assert {event["model"] for event in service.events("model_loaded")} == {"ner"}  # pos was never loaded
        assert service.post(b"", "v1/models/other/reload", headers=allowed).status_code == 404
