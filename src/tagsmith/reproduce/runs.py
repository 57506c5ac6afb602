"""Runs side by side, each in a process of its own on one core, one thread each."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import msgspec

from tagsmith.machine import ONE_THREAD, cores
from tagsmith.reproduce.experiments import Run
from tagsmith.reproduce.records import Record, Results
from tagsmith.reproduce.work import Job

_LOOK = 0.2  # seconds between two looks at the processes
_TAIL = 4096  # bytes of what a process said that are looked at


class Watcher(Protocol):
    """Whoever watches runs."""

    def started(self, run: Run) -> None:
        """A run has begun, or goes on from its checkpoint."""
        ...

    def said(self, run: Run, line: str) -> None:
        """The last line that a run said."""
        ...

    def finished(self, run: Run, record: Record) -> None:
        """A run has left its record."""
        ...

    def failed(self, run: Run, lines: Sequence[str], log: Path) -> None:
        """A run ended without a record: the last lines it said, and where all of them are."""
        ...


class _Process:
    """A run at work. What it says goes to a file in its folder."""

    def __init__(self, run: Run, results: Results, core: int | None) -> None:
        self.run = run
        folder = results.work(run.experiment.key)
        folder.mkdir(parents=True, exist_ok=True)
        self.log = folder / "run.log"
        job = Job(run.experiment, str(results.folder), core)
        with self.log.open("wb") as log:
            # -P: a module in the current folder must not shadow another.
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "tagsmith.reproduce.work"],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **ONE_THREAD},
            )
        assert self.process.stdin
        with suppress(BrokenPipeError):  # its log says why
            self.process.stdin.write(msgspec.json.encode(job) + b"\n")
            self.process.stdin.flush()

    def lines(self) -> list[str]:
        """The last lines it said."""
        if not self.log.exists():  # the record is there and the work cleared away
            return []
        with self.log.open("rb") as log:
            log.seek(max(0, self.log.stat().st_size - _TAIL))
            return log.read().decode("utf-8", "replace").splitlines()

    def end(self) -> None:
        """Kill it, if it still runs; its checkpoint stays."""
        self.process.kill()
        self.process.wait()
        if self.process.stdin:
            with suppress(BrokenPipeError):
                self.process.stdin.close()


def run_all(runs: Sequence[Run], results: Results, jobs: int, watcher: Watcher) -> int:
    """Do runs, ``jobs`` at a time; gives how many failed. Whatever ends this, unfinished runs keep checkpoints."""
    waiting = deque(runs)
    places = cores() or [None]
    free = [places[number % len(places)] for number in range(jobs)]
    running: dict[_Process, int | None] = {}
    failures = 0
    try:
        while waiting or running:
            while waiting and free:
                run, core = waiting.popleft(), free.pop(0)
                running[_Process(run, results, core)] = core
                watcher.started(run)
            time.sleep(_LOOK)
            for process in list(running):
                ended = process.process.poll() is not None
                if lines := process.lines():
                    watcher.said(process.run, lines[-1])
                if not ended:
                    continue
                free.append(running.pop(process))
                process.end()
                record = results.find(process.run.experiment)
                if record is None:
                    failures += 1
                    watcher.failed(process.run, lines, process.log)
                else:
                    watcher.finished(process.run, record)
    finally:
        for process in running:
            process.end()
    return failures
