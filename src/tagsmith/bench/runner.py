"""Runs one job again and again in a process of its own, for tagsmith and its rivals alike: ``python runner.py JOB``.

It needs nothing but Python, so that it runs in a rival's environment. JOB is a Python file with a function
``prepare(task)``; it does what comes before the clock starts (reading, training) and gives ``fresh``, which gives a
new tagger as a function without arguments; only calling that is timed. Nothing of one run is left for the next.

The first line on stdin is the task as a JSON object: ``cores`` to run on, and what the job asks for. One line of JSON
says that it is ready, with the job's ``notes``; then, for each further line on stdin, one with ``seconds``, the
``digest`` of the answer and the process's ``peak_bytes`` so far; the first has the ``answer`` too. What goes wrong is a
line with an ``error``.
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
    """What a job is asked to do, and what it has to say."""

    options: dict[str, Any]
    notes: dict[str, Any] = field(default_factory=dict)
    """Facts for the reader: versions, how a rival was trained."""

    def sentences(self, name: str) -> list[tuple[list[str], list[str]]]:
        """Tokens and tags of each sentence in the file of columns that is the option ``name``."""
        return list(read_columns(self.options[name]))

    def tokens(self, name: str) -> list[list[str]]:
        """The tokens of each of those sentences."""
        return [tokens for tokens, _ in self.sentences(name)]


def read_columns(path: str) -> Iterator[tuple[list[str], list[str]]]:
    """Sentences of a file that ``tagsmith.bench.inputs`` wrote: token, TAB, tag; a blank line ends a sentence."""
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
    # What jobs print must not get among the answers.
    answers, sys.stdout = sys.stdout, sys.stderr

    def say(**reply: Any) -> None:
        print(json.dumps(reply), file=answers, flush=True)

    if options.get("cores") and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, options["cores"])
    task = BenchTask(options)
    try:
        fresh = runpy.run_path(job)["prepare"](task)
        say(notes=task.notes)
        for number, _ in enumerate(sys.stdin):
            run = fresh()
            gc.collect()
            began = time.perf_counter()
            answer = run()
            seconds = time.perf_counter() - began
            text = json.dumps(answer)
            first = {} if number else {"answer": answer}
            digest = hashlib.sha256(text.encode()).hexdigest()
            say(seconds=seconds, digest=digest, peak_bytes=peak_bytes(), **first)
    except Exception as error:
        say(error=f"{type(error).__name__}: {error}".splitlines()[0])
        raise


def peak_bytes() -> int | None:
    """The most memory this process has had at once, where Linux tells."""
    # Not getrusage: its figure starts from what the parent had at the fork.
    status = Path("/proc/self/status")
    if not status.exists():
        return None
    lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
    return int(lines["VmHWM"].split()[0]) * 1024


if __name__ == "__main__":
    serve(sys.argv[1])
