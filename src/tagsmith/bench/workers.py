"""The processes that jobs run in, and races between them: warm up, check, then take turns."""

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
    """The path of one of tagsmith's own jobs."""
    return str(HERE / "jobs" / f"{name}.py")


@dataclass(frozen=True)
class Entrant:
    """A job to be run: whose it is, which Python runs it, and what it is asked for."""

    job: str
    options: Mapping[str, Any]
    python: str = sys.executable
    cores: Sequence[int] = ()
    """Where it may run: the first core there is unless named. Each matrix product has one thread in any case."""


@dataclass
class Timing:
    """The runs of one entrant."""

    answer: Any
    notes: dict[str, Any]
    seconds: list[float] = field(default_factory=list)
    peak_bytes: int | None = None

    @property
    def best(self) -> float:
        """The shortest run: the one that other work on the machine disturbed least."""
        return min(self.seconds)

    @property
    def median(self) -> float:
        """The run in the middle."""
        return statistics.median(self.seconds)


class Worker:
    """A process that runs one entrant's job on request. Where it fails, ``MeasurementRefused`` says why."""

    def __init__(self, entrant: Entrant) -> None:
        self.entrant = entrant
        self.errors = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115 (close closes it)
        # -P: no module beside runner.py may shadow one of the rival's.
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
        """Wait until the job is prepared, then run it once, for the answer and to warm up; that run doesn't count."""
        notes = self._reply()["notes"]
        first = self._run()
        self.timing = Timing(first["answer"], notes, peak_bytes=first["peak_bytes"])
        self.digest = first["digest"]

    def run(self) -> None:
        """Run the job once more, timed.

        Raises:
            Refused: it failed, or its answer is another than the first time.
        """
        assert self.timing is not None
        reply = self._run()
        if reply["digest"] != self.digest:
            raise MeasurementRefused("a run gave another answer than the first")
        self.timing.seconds.append(reply["seconds"])
        self.timing.peak_bytes = reply["peak_bytes"]

    def _run(self) -> dict[str, Any]:
        self._ask("run")
        return self._reply()

    def _ask(self, line: str) -> None:
        assert self.process.stdin
        with suppress(BrokenPipeError):  # the reply says why
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
    """Every entrant's timed runs, or why it has none. They take turns, so that a busy moment hits all alike."""
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
            for name in list(workers) if number % 2 == 0 else list(reversed(workers)):
                try:
                    workers[name].run()
                except MeasurementRefused as refused:
                    results[name] = refused
                    del workers[name]
        results |= {name: worker.timing for name, worker in workers.items() if worker.timing}
    return {name: results[name] for name in entrants}


def timed(entrant: Entrant, repeats: int) -> Timing:
    """The timed runs of one entrant.

    Raises:
        Refused: it failed, or its answers are not all the same.
    """
    (result,) = race({"": entrant}, repeats).values()
    if isinstance(result, MeasurementRefused):
        raise result
    return result


def say(text: str) -> None:
    """Tell the user what is going on, on stderr."""
    click.echo(text, err=True)
