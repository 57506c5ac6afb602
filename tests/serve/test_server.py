from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tagsmith.errors import DataError
from tagsmith.serve.keys import ApiKeys
from tagsmith.serve.server import ServerSettings, serve
from tests.support.running import Running, running, wait_for


@pytest.mark.parametrize(
    ("host", "is_local"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.8.0.1", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("10.0.0.1", False),
    ],
)
def test_only_a_loopback_address_is_local(host: str, is_local: bool):
    assert ServerSettings({}, host).is_local == is_local


def test_an_address_in_use_is_an_error_before_anything_is_loaded(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = ServerSettings({"none": tmp_path / "none"}, port=taken.getsockname()[1])
        with pytest.raises(DataError, match="expected a free address"):
            serve(settings, ApiKeys([]), print)


def test_the_log_begins_with_the_models_and_ends_with_the_end(model_files: Path):
    with running(model_files / "ner.safetensors") as service:
        wait_for(lambda: bool(service.events("serving")))
        started = service.events("serving")[0]
        assert (started["models"], started["port"], started["keys"]) == (["ner"], service.port, False)
        assert service.stop() == 0
    assert service.events("ended")


def test_the_address_is_announced_once_the_service_answers(service: Running):
    assert service.url == f"http://127.0.0.1:{service.port}/"
    assert service.get("healthz").json() == {"status": "ok"}
    assert service.get("readyz").json() == {"status": "ready"}
