"""Runs in processes of their own: on one core each, one thread; or on a GPU, with all seeds of a row in one process."""

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

from tagsmith.config import configure
from tagsmith.engine import check_device
from tagsmith.errors import ConfigError
from tagsmith.machine import ONE_THREAD, cores
from tagsmith.reproduce.experiments import SeedRun
from tagsmith.reproduce.job import Job
from tagsmith.reproduce.records import Record, Results

_LOOK = 0.2  # seconds between two looks at the processes
_TAIL = 4096  # bytes of what a process said that are looked at


class Watcher(Protocol):
    """Whoever watches runs."""

    def started(self, run: SeedRun) -> None:
        """A run has begun, or goes on from its checkpoint."""
        ...

    def said(self, run: SeedRun, line: str) -> None:
        """The last line that a run said."""
        ...

    def finished(self, run: SeedRun, record: Record) -> None:
        """A run has left its record."""
        ...

    def failed(self, run: SeedRun, lines: Sequence[str], log: Path) -> None:
        """A run ended without a record: the last lines it said, and where all of them are."""
        ...


class _Process:
    """Runs at work. What each says goes to a file in its folder; what the process says, to that of the first."""

    def __init__(self, runs: Sequence[SeedRun], results: Results, core: int | None, device: str) -> None:
        self.runs, self.results = runs, results
        for run in runs:
            results.work(run.experiment.key).mkdir(parents=True, exist_ok=True)
            results.run_log(run.experiment.key).write_bytes(b"")
        self.log = results.run_log(runs[0].experiment.key)
        job = Job([run.experiment for run in runs], str(results.folder), core, device)
        with self.log.open("ab") as log:
            # -P: a module in the current folder must not shadow another.
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "tagsmith.reproduce.job"],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **ONE_THREAD},
            )
        assert self.process.stdin
        with suppress(BrokenPipeError):  # its log says why
            self.process.stdin.write(msgspec.json.encode(job) + b"\n")
            self.process.stdin.flush()

    def lines(self, run: SeedRun) -> list[str]:
        """The last lines that a run said."""
        path = self.results.run_log(run.experiment.key)
        with suppress(FileNotFoundError), path.open("rb") as log:
            log.seek(max(0, path.stat().st_size - _TAIL))
            return log.read().decode("utf-8", "replace").splitlines()
        return []  # the record is there and the work cleared away

    def end(self) -> None:
        """Kill it, if it still runs; its checkpoint stays."""
        self.process.kill()
        self.process.wait()
        if self.process.stdin:
            with suppress(BrokenPipeError):
                self.process.stdin.close()


def run_all(runs: Sequence[SeedRun], results: Results, jobs: int, watcher: Watcher, device: str = "cpu") -> int:
    """Do runs, ``jobs`` processes at a time; gives how many failed. Whatever ends this, unfinished runs keep
    checkpoints, but for seeds side by side.

    Args:
        device: ``cpu``, where a process does one run on one core; or ``cuda``, where it does all seeds of a row.

    Raises:
        ConfigError: there is no such device; nothing was begun.
    """
    check_device(device)
    on_gpu = device.startswith("cuda")
    if on_gpu:
        _check_gpu(device)
    waiting = deque(side_by_side(runs) if on_gpu else ([run] for run in runs))
    places = [None] if on_gpu else cores() or [None]
    free = [places[number % len(places)] for number in range(jobs)]
    running: dict[_Process, int | None] = {}
    failures = 0
    try:
        while waiting or running:
            while waiting and free:
                group, core = waiting.popleft(), free.pop(0)
                running[_Process(group, results, core, device)] = core
                for run in group:
                    watcher.started(run)
            time.sleep(_LOOK)
            for process in list(running):
                ended = process.process.poll() is not None
                for run in process.runs:
                    if lines := process.lines(run):
                        watcher.said(run, lines[-1])
                if not ended:
                    continue
                free.append(running.pop(process))
                process.end()
                for run in process.runs:
                    record = results.find(run.experiment)
                    if record is None:
                        failures += 1
                        watcher.failed(run, process.lines(process.runs[0]), process.log)
                    else:
                        watcher.finished(run, record)
    finally:
        for process in running:
            process.end()
    return failures


def _check_gpu(device: str) -> None:
    from tagsmith.training.setup import has_gpu

    if not has_gpu():
        raise ConfigError(f"device {device!r}: PyTorch finds no NVIDIA GPU")


def side_by_side(runs: Sequence[SeedRun]) -> list[list[SeedRun]]:
    """Runs that can be trained at once on a GPU: they differ in their seed alone, and it has kernels for them."""
    from tagsmith.training.setup import recording_obstacle

    groups: dict[str, list[SeedRun]] = {}
    for run in runs:
        experiment = run.experiment
        settings = experiment.config
        if not recording_obstacle(settings):
            settings = configure(settings, {"training.seed": 0})
        groups.setdefault(msgspec.structs.replace(experiment, config=settings).key, []).append(run)
    return list(groups.values())
