"""Starting, ending and changing models while requests come in; keys."""

from __future__ import annotations

import errno
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

from tagsmith import store
from tagsmith.errors import DataError
from tagsmith.files import replacing
from tagsmith.serve.keys import ApiKeys
from tagsmith.serve.server import let_nobody_in
from tests.support.handmade import lexicon_model
from tests.support.running import Running, running, wait_for

KEY = "0123456789abcdef-key"


class Clients:
    """Threads that send one request after another, on connections they keep, until told to stop."""

    def __init__(self, service: Running, number: int = 8) -> None:
        self._url = service.url + "v1/tag"
        self._is_over = threading.Event()
        self.labels: list[str] = []
        self.lost: list[Exception] = []
        self.refused = 0
        self._threads = [threading.Thread(target=self._send) for _ in range(number)]
        for thread in self._threads:
            thread.start()

    def _send(self) -> None:
        with httpx.Client(timeout=30) as client:
            while not self._is_over.is_set():
                try:
                    answer = client.post(self._url, json={"text": "Jay left."})
                    self.labels.append(answer.json()["answers"][0]["spans"][0]["label"])
                except httpx.ConnectError:  # nobody listens any more: nothing was accepted
                    self.refused += 1
                    return
                except Exception as error:
                    self.lost.append(error)

    def stop(self) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join(60)


def test_no_request_is_lost_when_the_service_is_told_to_end_under_load(model_files: Path):
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
        assert len(clients.labels) > before  # it went on for a while
        assert service.events("ended")


@pytest.mark.skipif(sys.platform != "linux", reason="no other system can")
def test_whoever_comes_too_late_is_refused_and_not_dropped():
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as late:
        address = listener.getsockname()
        with socket.create_connection(address):
            let_nobody_in(listener)
            late.setblocking(False)
            assert late.connect_ex(address) == errno.EINPROGRESS
            assert select.select([], [late], [], 0.2) == ([], [], [])  # it hears nothing
            listener.accept()[0].close()  # who came before is still taken
        listener.close()
        assert select.select([], [late], [], 30) == ([], [late], [])
        assert late.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNREFUSED


def test_what_is_under_way_is_finished_before_the_end(model_files: Path):
    with running(model_files / "random.safetensors", "--grace", 0) as service:
        body = {"inputs": ["word1 " * 150] * 1000, "best": 3}
        answers: list[httpx.Response] = []
        thread = threading.Thread(target=lambda: answers.append(service.post(body)))
        thread.start()
        wait_for(lambda: "tagsmith_under_way 1.0" in service.get("metrics").text)
        assert service.stop() == 0
        thread.join(60)
        assert [answer.status_code for answer in answers] == [200]
        assert len(answers[0].json()["answers"]) == 1000


def other_model(path: Path) -> None:
    """Put a model in the place of another, whole, in which Jay is a place."""
    with replacing(path) as temporary:
        store.save(lexicon_model({"jay": "S-LOC", "mira": "S-PER"}), temporary)


def test_a_file_that_changes_is_served_without_losing_a_request(model_files: Path, tmp_path: Path):
    path = tmp_path / "ner.safetensors"
    shutil.copy(model_files / "ner.safetensors", path)
    with running(path) as service:
        clients = Clients(service, 4)
        wait_for(lambda: len(clients.labels) > 20)
        other_model(path)
        wait_for(lambda: "LOC" in clients.labels)
        clients.stop()
        assert clients.lost == []
        assert set(clients.labels) == {"PER", "LOC"}
        settled = clients.labels[clients.labels.index("LOC") + 4 :]
        assert "PER" not in settled


def test_a_damaged_file_changes_nothing(model_files: Path, tmp_path: Path):
    path = tmp_path / "ner.safetensors"
    shutil.copy(model_files / "ner.safetensors", path)
    with running(path) as service:
        with replacing(path) as temporary:
            temporary.write_bytes(path.read_bytes()[:-10])
        wait_for(lambda: bool(service.events("model_failed")))
        assert service.post({"text": "Jay left."}).json()["answers"][0]["spans"][0]["label"] == "PER"
        time.sleep(2.5)
        assert len(service.events("model_failed")) == 1  # not tried again until it changes again
        assert 'tagsmith_model_loads_total{model="ner",outcome="failed"} 1.0' in service.get("metrics").text
        other_model(path)
        wait_for(lambda: len(service.events("model_loaded")) == 2)


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="the system has no SIGHUP")
def test_sighup_and_a_key_load_models_anew(model_files: Path, tmp_path: Path):
    keys = tmp_path / "keys.txt"
    keys.write_text(f"# ours\n\n{KEY}\n")
    with running(model_files / "ner.safetensors", model_files / "pos.safetensors", "--keys", keys) as service:
        service.process.send_signal(signal.SIGHUP)
        wait_for(lambda: len(service.events("model_loaded")) == 2)
        allowed = {"Authorization": f"Bearer {KEY}"}
        answer = service.post(b"", "v1/models/ner/reload", headers=allowed)
        assert (answer.status_code, answer.json()["labels"]) == (200, ["LOC", "PER"])
        wait_for(lambda: len(service.events("model_loaded")) == 3)
        assert {event["model"] for event in service.events("model_loaded")} == {"ner"}  # pos was never asked for
        assert service.post(b"", "v1/models/other/reload", headers=allowed).status_code == 404


class TestKeys:
    def test_a_service_with_keys_wants_one(self, model_files: Path):
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

    def test_keys_come_from_a_file_or_the_environment(self, tmp_path: Path):
        file = tmp_path / "keys"
        file.write_text(f"{KEY}\n")
        both = ApiKeys.read(file, {"TAGSMITH_API_KEYS": "0" * 16})
        assert both.allow(f"Bearer {KEY}".encode())
        assert not both.allow(b"Bearer " + b"0" * 16)  # the file alone counts
        assert not ApiKeys.read(None, {})

    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("", "no keys"),
            ("# none\n", "no keys"),
            ("\nshort\n", ":2: found a key of 5 characters"),
            ("x" * 15 + "é", "a key of 16 characters"),
        ],
    )
    def test_a_bad_file_is_an_error_that_shows_no_key(self, tmp_path: Path, text: str, found: str):
        file = tmp_path / "keys"
        file.write_text(text, "utf-8")
        with pytest.raises(DataError, match=found) as caught:
            ApiKeys.read(file, {})
        assert "short" not in str(caught.value)


class TestModels:
    def test_they_are_loaded_when_asked_for_and_let_go_for_room(self, tmp_path: Path):
        rng = os.urandom(3).hex()
        words = {f"{rng}{i}": "S-PER" for i in range(60_000)}
        for name in ("a", "b", "c"):
            store.save(lexicon_model({"jay": "S-PER", **words}), tmp_path / f"{name}.safetensors")
        megabytes = (tmp_path / "a.safetensors").stat().st_size / 1e6
        paths = [tmp_path / f"{name}.safetensors" for name in ("a", "b", "c")]
        with running(*paths, "--memory", int(2.9 * megabytes)) as service:

            def loaded() -> list[str]:
                return [model["name"] for model in service.get("v1/models").json() if model["loaded"]]

            assert loaded() == ["a"]
            for name in ("b", "a", "c"):
                assert service.post({"text": "Jay", "model": name}).json()["model"] == name
            assert loaded() == ["a", "c"]  # b was not asked for the longest
            assert service.events("model_let_go")[0]["model"] == "b"

    def test_a_model_that_can_not_be_loaded_any_more_is_said_to_be(self, model_files: Path, tmp_path: Path):
        shutil.copy(model_files / "pos.safetensors", tmp_path / "pos.safetensors")
        with running(model_files / "ner.safetensors", tmp_path / "pos.safetensors") as service:
            (tmp_path / "pos.safetensors").unlink()
            answer = service.post({"text": "Jay", "model": "pos"})
            assert (answer.status_code, answer.json()["error"]["code"]) == (503, "model_failed")
            assert service.post({"text": "Jay"}).status_code == 200


def test_a_known_key_never_comes_into_the_log_as_a_request_id(model_files: Path):
    with running(model_files / "ner.safetensors", env={"TAGSMITH_API_KEYS": KEY}) as service:
        answer = service.post({"text": "x"}, headers={"X-Request-ID": KEY})
        assert answer.status_code == 401
        assert answer.headers["x-request-id"] != KEY
        wait_for(lambda: bool(service.events("request")))
        assert not [line for line in service.lines if KEY in line]


def test_a_log_that_nobody_reads_any_more_ends_nothing(model_files: Path):
    command = [sys.executable, "-m", "tagsmith", "serve", "--port", "0", str(model_files / "ner.safetensors")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    reader, writer = os.pipe()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=writer, text=True, env=environment) as process:
        os.close(writer)
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            os.close(reader)
            assert httpx.post(url + "v1/tag", json={"text": "x"}, timeout=60).status_code == 200
            process.terminate()
            assert process.wait(60) == 0
        finally:
            process.kill()


@pytest.mark.parametrize("seconds", ["inf", "nan", "1e9"])
def test_a_time_out_without_end_is_an_error(model_files: Path, seconds: str):
    found = subprocess.run(
        [sys.executable, "-m", "tagsmith", "serve", model_files / "ner.safetensors", "--timeout", seconds],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert found.returncode in (1, 2)
    assert "Traceback" not in found.stderr
    assert "expected one of up to a day" in found.stderr


def test_a_variable_for_keys_that_holds_none_is_an_error():
    with pytest.raises(DataError, match=r"^TAGSMITH_API_KEYS: found no keys; expected at least one, or neither"):
        ApiKeys.read(None, {"TAGSMITH_API_KEYS": " "})
    assert not ApiKeys.read(None, {})
