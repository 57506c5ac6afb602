"""Run one job repeatedly in this process, for tagsmith and its rivals alike: ``python runner.py JOB``.

This file needs only Python, so that it runs in a rival's environment. JOB is a Python file with a function
``prepare(task)``. It does everything before the clock starts (reading, training) and returns ``fresh``. Each call of
``fresh`` returns a new tagger as a function without arguments; only the call of that function is timed. Nothing is
carried over from one run to the next.

The first line on stdin is the task as a JSON object: the ``cores`` to run on, and the job's options. The process
answers with a line of JSON when it is ready, which holds the job's ``notes``. Each further line on stdin starts a run.
Its reply holds the ``seconds``, the ``digest`` of the output and the process's ``peak_bytes`` so far; the first reply
also holds the ``output``. A failure is a line with an ``error``.
"""

from __future__ import annotations

import gc
import hashlib
import json
import os
import runpy
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class BenchTask:
    """A job's options, and its notes."""

    options: dict[str, Any]
    notes: dict[str, Any] = field(default_factory=dict)
    """Facts for the reader, such as versions and the training of a rival."""

    def sentences(self, name: str) -> list[tuple[list[str], list[str]]]:
        """Return the tokens and tags of each sentence in the columns file of an option."""
        return list(read_columns(self.options[name]))

    def tokens(self, name: str) -> list[list[str]]:
        """Return the tokens of each sentence in the columns file of an option."""
        return [tokens for tokens, _ in self.sentences(name)]


def read_columns(path: str) -> Iterator[tuple[list[str], list[str]]]:
    """Yield the sentences of a file: a token, TAB and tag per line, and a blank line after each sentence."""
    tokens: list[str] = []
    tags: list[str] = []
    for line in Path(path).read_text("utf-8").split("\n"):
        if line:
            token, tag = line.split("\t")
            tokens.append(token)
            tags.append(tag)
        elif tokens:
            yield tokens, tags
            tokens, tags = [], []


def serve(job: str) -> None:
    """Prepare the job, then run it once for each line on stdin."""
    options = json.loads(sys.stdin.readline())
    # What jobs print must not mix with the replies.
    replies, sys.stdout = sys.stdout, sys.stderr

    def send(**reply: Any) -> None:
        print(json.dumps(reply), file=replies, flush=True)

    if options.get("cores") and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, options["cores"])
    task = BenchTask(options)
    try:
        fresh = runpy.run_path(job)["prepare"](task)
        send(notes=task.notes)
        for number, _ in enumerate(sys.stdin):
            run = fresh()
            gc.collect()
            began = time.perf_counter()
            output = run()
            seconds = time.perf_counter() - began
            text = json.dumps(output)
            first = {} if number else {"output": output}
            digest = hashlib.sha256(text.encode()).hexdigest()
            send(seconds=seconds, digest=digest, peak_bytes=peak_bytes(), **first)
    except Exception as error:
        send(error=f"{type(error).__name__}: {error}".splitlines()[0])
        raise


def peak_bytes() -> int | None:
    """Return the peak memory of this process; None on systems other than Linux."""
    # Not getrusage, whose peak includes the memory that the parent had at the fork.
    status = Path("/proc/self/status")
    if not status.exists():
        return None
    lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
    return int(lines["VmHWM"].split()[0]) * 1024


if __name__ == "__main__":
    serve(sys.argv[1])
