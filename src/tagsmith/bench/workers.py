"""Run jobs in processes of their own, several of them in turns."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from tagsmith.bench.measurements import MeasurementRefused
from tagsmith.machine import ONE_THREAD, cores

HERE = Path(__file__).parent


def own_job(name: str) -> str:
    """Return the path of one of tagsmith's own jobs."""
    return str(HERE / "jobs" / f"{name}.py")


@dataclass(frozen=True)
class Entrant:
    """A job to run, with its options and the Python that runs it."""

    job: str
    options: Mapping[str, Any]
    python: str = sys.executable
    cores: Sequence[int] = ()
    """The cores to run on, by default the first one. A matrix product always has one thread."""


@dataclass
class Timing:
    """The runs of one entrant."""

    output: Any
    """The value that the job returned."""
    notes: dict[str, Any]
    seconds: list[float] = field(default_factory=list)
    peak_bytes: int | None = None

    @property
    def best(self) -> float:
        """The shortest run, which other work on the machine disturbed least."""
        return min(self.seconds)

    @property
    def median(self) -> float:
        """The median run."""
        return statistics.median(self.seconds)


class Worker:
    """A process that runs one entrant's job on request. A failure is raised as ``MeasurementRefused``."""

    def __init__(self, entrant: Entrant) -> None:
        self.entrant = entrant
        self.errors = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115 (close closes it)
        # -P: a module in the folder of runner.py must not shadow one of the rival's.
        command = [entrant.python, "-P", str(HERE / "runner.py"), entrant.job]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": self.errors}
        try:
            self.process = subprocess.Popen(
                command, text=True, encoding="utf-8", env={**os.environ, **ONE_THREAD}, **pipes
            )
        except OSError as error:
            self.errors.close()
            raise MeasurementRefused(f"{entrant.python}: {error.strerror}") from None
        self.timing: Timing | None = None
        self._ask(json.dumps({**entrant.options, "cores": list(entrant.cores) or cores()[:1]}))

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.stdin:
            self.process.stdin.close()
        if self.process.stdout:
            self.process.stdout.close()
        self.process.kill()
        self.process.wait()
        self.errors.close()

    def prepare(self) -> None:
        """Wait until the job is prepared, then run it once untimed, for its output and to warm up."""
        notes = self._reply()["notes"]
        first = self._run()
        self.timing = Timing(first["output"], notes, peak_bytes=first["peak_bytes"])
        self.digest = first["digest"]

    def run(self) -> None:
        """Run the job once more, timed.

        Raises:
            MeasurementRefused: it failed, or its output differs from that of the first run.
        """
        assert self.timing is not None
        reply = self._run()
        if reply["digest"] != self.digest:
            raise MeasurementRefused("a run gave another output than the first")
        self.timing.seconds.append(reply["seconds"])
        self.timing.peak_bytes = reply["peak_bytes"]

    def _run(self) -> dict[str, Any]:
        self._ask("run")
        return self._reply()

    def _ask(self, line: str) -> None:
        assert self.process.stdin
        with suppress(BrokenPipeError):  # the reply gives the reason
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()

    def _reply(self) -> dict[str, Any]:
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            self.errors.seek(0)
            last = self.errors.read().strip().splitlines()[-1:]
            raise MeasurementRefused(f"its process ended: {last[0] if last else f'exit code {self.process.wait()}'}")
        reply = json.loads(line)
        if "error" in reply:
            raise MeasurementRefused(reply["error"])
        return reply


def race(entrants: Mapping[str, Entrant], repeats: int) -> dict[str, Timing | MeasurementRefused]:
    """Return every entrant's timed runs, or the reason that it has none.

    They take turns, so that a busy moment affects all of them.
    """
    results: dict[str, Timing | MeasurementRefused] = {}
    with ExitStack() as stack:
        workers: dict[str, Worker] = {}
        for name, entrant in entrants.items():
            try:
                worker = stack.enter_context(Worker(entrant))
                worker.prepare()
                workers[name] = worker
            except MeasurementRefused as refused:
                results[name] = refused
        for number in range(repeats):
            for name in list(workers if number % 2 == 0 else reversed(workers)):
                try:
                    workers[name].run()
                except MeasurementRefused as refused:
                    results[name] = refused
                    del workers[name]
        results |= {name: worker.timing for name, worker in workers.items() if worker.timing}
    return {name: results[name] for name in entrants}


def race_all(entrants: Mapping[str, Entrant], repeats: int) -> dict[str, Timing]:
    """Return every entrant's timed runs, as ``race``.

    Raises:
        MeasurementRefused: one of them has none.
    """
    timings = {}
    for name, result in race(entrants, repeats).items():
        if isinstance(result, MeasurementRefused):
            raise result
        timings[name] = result
    return timings


def timed(entrant: Entrant, repeats: int) -> Timing:
    """Return the timed runs of one entrant.

    Raises:
        MeasurementRefused: it failed, or its outputs differ.
    """
    return race_all({"": entrant}, repeats)[""]


def say(text: str) -> None:
    """Print a line of progress on stderr."""
    click.echo(text, err=True)
