from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.running import running


def test_too_much_at_a_time_is_told_to_come_back(model_files: Path):
    """Eight clients, room for two requests: those that are not served get a 503 with Retry-After at once."""
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
    assert "expected more than 0 and at most a day" in found.stderr
