"""A shell command, run in a new process (``start``), or in this one (``memory``) to measure its peak memory."""

from __future__ import annotations

import hashlib
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tagsmith.bench.runner import BenchTask


def prepare(task: BenchTask) -> Callable[[], Callable[[], str]]:
    """Take the command. Its output is what it prints, or the SHA-256 of the file that it writes."""
    words = task.options["words"]

    def start() -> str:
        return subprocess.run(
            [sys.executable, "-m", "tagsmith", *words], capture_output=True, text=True, check=True
        ).stdout

    def memory() -> str:
        sys.argv = ["tagsmith", *words]
        try:
            runpy.run_module("tagsmith", run_name="__main__")
        except SystemExit as end:
            if end.code:
                raise RuntimeError(f"exit code {end.code}") from None
        with Path(task.options["written"]).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    return lambda: start if task.options["what"] == "start" else memory
