"""Do runs in their own processes: on a CPU one run per process and core, on a GPU all seeds of a row per process."""

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
from tagsmith.reproduce.records import EpochRecord, Record
from tagsmith.reproduce.results import Results
from tagsmith.reproduce.training_log import last_epoch

_POLL = 0.2  # seconds between two looks at the processes
_TAIL = 4096  # bytes at the end of a run's output that are read


class Watcher(Protocol):
    """An observer of runs."""

    def started(self, run: SeedRun) -> None:
        """Note that a run has begun or was resumed."""
        ...

    def at_epoch(self, run: SeedRun, epoch: EpochRecord) -> None:
        """Note the last epoch that a run has finished; called at every look at its process."""
        ...

    def finished(self, run: SeedRun, record: Record) -> None:
        """Note that a run has saved its record."""
        ...

    def failed(self, run: SeedRun, lines: Sequence[str], log: Path) -> None:
        """Note that a run ended without a record: the last lines of its output, and the file with all of it."""
        ...


class _JobProcess:
    """A process that does some runs. Its output goes to the log of the first; each run also has its own."""

    def __init__(self, runs: Sequence[SeedRun], results: Results, core: int | None, device: str) -> None:
        self.runs = runs
        logs = [results.run_log(run.experiment.key) for run in runs]
        for log in logs:
            log.parent.mkdir(parents=True, exist_ok=True)
            log.write_bytes(b"")
        self.log = logs[0]
        job = Job([run.experiment for run in runs], str(results.folder), core, device)
        with self.log.open("ab") as output:
            # -P: a module in the current folder must not shadow another.
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "tagsmith.reproduce.job"],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **ONE_THREAD},
            )
        assert self.process.stdin
        with suppress(BrokenPipeError):  # its log says why
            self.process.stdin.write(msgspec.json.encode(job) + b"\n")
            self.process.stdin.flush()

    @property
    def has_ended(self) -> bool:
        """True if the process has ended."""
        return self.process.poll() is not None

    def last_lines(self) -> list[str]:
        """Return the last lines of its output."""
        with suppress(FileNotFoundError), self.log.open("rb") as log:
            log.seek(max(0, self.log.stat().st_size - _TAIL))
            return log.read().decode("utf-8", "replace").splitlines()
        return []  # its first run has a record, and the log was deleted with the work

    def end(self) -> None:
        """Kill the process if it still runs; its checkpoint remains."""
        self.process.kill()
        self.process.wait()
        if self.process.stdin:
            with suppress(BrokenPipeError):
                self.process.stdin.close()


def run_all(runs: Sequence[SeedRun], results: Results, jobs: int, watcher: Watcher, device: str = "cpu") -> int:
    """Do runs in ``jobs`` processes at a time, and return the number that failed.

    If this is interrupted, unfinished runs keep their checkpoints, except seeds trained together.

    Args:
        device: ``cpu``, for one run per process and core; or ``cuda``, for all seeds of a row per process.

    Raises:
        ConfigError: there is no such device; no run has begun.
    """
    check_device(device)
    on_gpu = device.startswith("cuda")
    if on_gpu:
        _check_gpu(device)
    waiting = deque(group_seeds(runs) if on_gpu else ([run] for run in runs))
    available = [None] if on_gpu else cores() or [None]
    free = [available[number % len(available)] for number in range(jobs)]
    running: dict[_JobProcess, int | None] = {}
    failures = 0
    try:
        while waiting or running:
            while waiting and free:
                group, core = waiting.popleft(), free.pop(0)
                running[_JobProcess(group, results, core, device)] = core
                for run in group:
                    watcher.started(run)
            time.sleep(_POLL)
            for process in list(running):
                if not process.has_ended:
                    _report_epochs(process, results, watcher)
                    continue
                free.append(running.pop(process))
                process.end()
                failures += _report_end(process, results, watcher)
    finally:
        for process in running:
            process.end()
    return failures


def _report_epochs(process: _JobProcess, results: Results, watcher: Watcher) -> None:
    for run in process.runs:
        if epoch := last_epoch(results.model_path(run.experiment.key)):
            watcher.at_epoch(run, epoch)


def _report_end(process: _JobProcess, results: Results, watcher: Watcher) -> int:
    """Report which runs of a process have a record, and return the number that have none."""
    failures = 0
    for run in process.runs:
        record = results.find(run.experiment)
        if record is None:
            failures += 1
            watcher.failed(run, process.last_lines(), process.log)
        else:
            watcher.finished(run, record)
    return failures


def _check_gpu(device: str) -> None:
    from tagsmith.training.setup import has_gpu

    if not has_gpu():
        raise ConfigError(f"device {device!r}: PyTorch finds no NVIDIA GPU")


def group_seeds(runs: Sequence[SeedRun]) -> list[list[SeedRun]]:
    """Group the runs that a GPU can train together: those that differ only in their seed and have GPU kernels."""
    from tagsmith.training.setup import recording_obstacle

    groups: dict[str, list[SeedRun]] = {}
    for run in runs:
        experiment = run.experiment
        config = experiment.config
        if not recording_obstacle(config):
            config = configure(config, {"training.seed": 0})
        groups.setdefault(msgspec.structs.replace(experiment, config=config).key, []).append(run)
    return list(groups.values())
