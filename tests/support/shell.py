"""Two ways to run the command line: as installed, in another process, or the same code in this process."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from unittest.mock import patch

from tagsmith.cli import main

COMMAND = Path(sys.executable).with_name("tagsmith")
DEMO = Path(str(files("tagsmith") / "demo"))


@dataclass
class Result:
    """The exit code of a command, and its output."""

    code: int
    out: str
    err: str


def real(*words: object, stdin: bytes = b"", cwd: Path | None = None, env: dict[str, str] | None = None) -> Result:
    """Run the installed command."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **(env or {})}
    done = subprocess.run([COMMAND, *map(str, words)], input=stdin, capture_output=True, cwd=cwd, env=environment)
    return Result(done.returncode, done.stdout.decode(), done.stderr.decode())


def run(*words: object, stdin: bytes = b"") -> Result:
    """Run the same code as the installed command in this process, which is many times faster."""
    out, err = (io.TextIOWrapper(io.BytesIO(), write_through=True) for _ in range(2))
    given = io.TextIOWrapper(io.BytesIO(stdin))
    with (
        patch.object(sys, "argv", ["tagsmith", *map(str, words)]),
        patch.object(sys, "stdin", given),
        patch.object(sys, "stdout", out),
        patch.object(sys, "stderr", err),
    ):
        try:
            main()
            code = 0
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    return Result(code, *(printed(stream) for stream in (out, err)))


def printed(stream: io.TextIOWrapper) -> str:
    """Return what was written to a stream in memory."""
    stream.flush()
    assert isinstance(stream.buffer, io.BytesIO)
    return stream.buffer.getvalue().decode()
