"""Jobs in processes of their own: what is timed, what is refused, and that runs take turns."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tagsmith.bench.measurements import MeasurementRefused
from tagsmith.bench.workers import Entrant, Timing, race, race_all, timed
from tagsmith.machine import cores

LOGGING = """
import time
def prepare(task):
    task.notes["version"] = "7"
    time.sleep(task.options.get("preparing", 0))
    def fresh():
        time.sleep(0.05)
        def run():
            with open(task.options["log"], "a") as log:
                log.write(task.options["name"])
            print("not a reply")
            return [1, 2]
        return run
    return fresh
"""


@pytest.fixture
def job(tmp_path: Path):
    def write(text: str, **options: object) -> Entrant:
        path = tmp_path / f"job{len(list(tmp_path.iterdir()))}.py"
        path.write_text(text)
        return Entrant(str(path), options)

    return write


def test_runs_take_turns_after_a_first_one_that_is_not_timed(job, tmp_path: Path):
    log = tmp_path / "log"
    results = race({name: job(LOGGING, name=name, log=str(log)) for name in "ab"}, 3)
    assert log.read_text() == "ab" + "ab" + "ba" + "ab"
    for timing in results.values():
        assert isinstance(timing, Timing)
        assert len(timing.seconds) == 3
        assert (timing.output, timing.notes) == ([1, 2], {"version": "7"})


def test_neither_preparing_nor_making_a_fresh_tagger_is_timed(job, tmp_path: Path):
    timing = timed(job(LOGGING, name="a", log=str(tmp_path / "log"), preparing=0.2), 3)
    assert timing.best < 0.04


def test_another_output_than_the_first_is_refused_and_the_others_continue(job):
    changing = "runs = []\ndef prepare(task):\n    return lambda: lambda: runs.append(1) or len(runs) > 2"
    steady = "def prepare(task):\n    return lambda: lambda: 5"
    results = race({"changing": job(changing), "steady": job(steady)}, 3)
    assert str(results["changing"]) == "a run gave another output than the first"
    assert isinstance(results["steady"], Timing)
    assert len(results["steady"].seconds) == 3


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("def prepare(task):\n    raise ValueError('no data')", "ValueError: no data"),
        ("import nothing_of_this_name", "ModuleNotFoundError: No module named 'nothing_of_this_name'"),
        ("def prepare(task):\n    return lambda: lambda: 1 / 0", "ZeroDivisionError: division by zero"),
        ("import os\ndef prepare(task):\n    os._exit(3)", "its process ended: exit code 3"),
    ],
)
def test_a_job_that_fails_is_refused_with_its_reason(job, text: str, reason: str):
    with pytest.raises(MeasurementRefused) as refused:
        timed(job(text), 1)
    assert str(refused.value) == reason


def test_a_missing_python_is_refused(job):
    entrant = Entrant(job("").job, {}, python="/no/python")
    with pytest.raises(MeasurementRefused, match=r"^/no/python: No such file"):
        timed(entrant, 1)


def test_a_job_gets_one_thread_one_core_and_its_options(job):
    text = """
import os
def prepare(task):
    allowed = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
    return lambda: lambda: [allowed, [os.environ[name] for name in names], task.options["x"]]
"""
    assert timed(job(text, x=3), 0).output == [cores()[:1], ["1"] * 4, 3]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux reports the peak memory")
def test_the_peak_is_that_of_the_job(job):
    big = "def prepare(task):\n    return lambda: lambda: len(bytearray(b'x') * 100_000_000)"
    small = "def prepare(task):\n    return lambda: lambda: 1"
    peaks = [timed(job(text), 0).peak_bytes or 0 for text in (big, small)]
    assert peaks[0] > 100_000_000 > 40_000_000 > peaks[1]


def test_a_race_of_all_is_refused_if_one_is(job):
    steady, failing = job("def prepare(task):\n    return lambda: lambda: 5"), job("raise ValueError('broken')")
    assert race_all({"steady": steady}, 1)["steady"].output == 5
    with pytest.raises(MeasurementRefused, match=r"^ValueError: broken$"):
        race_all({"steady": steady, "failing": failing}, 1)


def test_the_best_and_the_median_run():
    timing = Timing(None, {}, [3.0, 1.0, 5.0])
    assert (timing.best, timing.median) == (1.0, 3.0)
