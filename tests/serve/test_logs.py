from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import httpx


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
