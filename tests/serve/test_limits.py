from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tagsmith.errors import ConfigError
from tagsmith.serve.limits import Limits, LoadCounter
from tagsmith.serve.refusals import RequestRefused
from tests.support.running import running


def test_requests_and_bytes_are_counted_while_they_last():
    load = LoadCounter(Limits(requests=2, pending_bytes=10))
    with load.admit() as reserve:
        reserve(4)
        reserve(6)
        assert (load.requests, load.bytes) == (1, 10)
        with load.admit() as other:
            with pytest.raises(RequestRefused):
                other(1)
            with pytest.raises(RequestRefused), load.admit():
                pass
    assert (load.requests, load.bytes) == (0, 0)


@pytest.mark.parametrize("seconds", [0, -1, 86_401, float("inf"), float("nan")])
def test_a_timeout_is_more_than_0_and_at_most_a_day(seconds: float):
    with pytest.raises(ConfigError, match="expected more than 0 and at most a day"):
        Limits(seconds=seconds)


def test_too_many_requests_at_a_time_are_refused(model_files: Path):
    """Of eight clients, two are served at a time. The others get a 503 with Retry-After at once."""
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


def test_the_command_reports_a_wrong_timeout(model_files: Path):
    found = subprocess.run(
        [sys.executable, "-m", "tagsmith", "serve", model_files / "ner.safetensors", "--timeout", "1e9"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert found.returncode in (1, 2)
    assert "Traceback" not in found.stderr
    assert "expected more than 0 and at most a day" in found.stderr
