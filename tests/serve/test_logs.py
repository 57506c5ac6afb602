from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import httpx

from tagsmith.serve.logs import ForwardedLogs, ServiceLog


def test_a_line_has_the_time_the_event_and_the_facts_that_are_known():
    stream = io.StringIO()
    ServiceLog(stream).write("request", status=200, model=None)
    event = json.loads(stream.getvalue())
    assert event.keys() == {"time", "event", "status"}
    assert (event["event"], event["status"]) == ("request", 200)


def test_an_error_is_logged_with_its_stack_and_without_its_message():
    stream = io.StringIO()
    try:
        raise ValueError("Jay left.")
    except ValueError as error:
        ServiceLog(stream).failure("error", error, request_id="abc")
    assert "Jay" not in stream.getvalue()
    event = json.loads(stream.getvalue())
    assert (event["error"], event["request_id"]) == ("ValueError", "abc")
    assert event["places"][-1].startswith("test_logs.py:")


def test_warnings_of_libraries_are_forwarded_without_their_arguments():
    stream = io.StringIO()
    handler = ForwardedLogs(ServiceLog(stream))
    handler.handle(logging.LogRecord("uvicorn", logging.WARNING, "", 1, "bad request: %s", ("Jay",), None))
    event = json.loads(stream.getvalue())
    assert (event["event"], event["logger"], event["message"]) == ("library", "uvicorn", "bad request: %s")


def test_a_service_survives_when_nobody_reads_its_log(model_files: Path):
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
