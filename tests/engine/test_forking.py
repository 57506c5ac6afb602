"""The gate between forks and matrix products."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import ModuleType

import numpy as np
import pytest

from tagsmith.engine import compiled as numba_engine
from tagsmith.engine import forking, make_engine
from tagsmith.engine.forking import Gate
from tagsmith.ops.chain import reference
from tests.support.handmade import random_model

SOON, LATE = 0.1, 10.0  # seconds: what would have happened by now, and what must have


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as threads:
        yield threads


def go_in(gate: Gate, let_out: threading.Event) -> None:
    with gate:
        assert let_out.wait(LATE)


def close_and_open(gate: Gate) -> None:
    gate.close()
    gate.open()


def is_waiting(future: Future[None]) -> bool:
    time.sleep(SOON)
    return not future.done()


def test_any_number_of_threads_are_inside_at_once(pool: ThreadPoolExecutor):
    gate, together = Gate(), threading.Barrier(4)

    def meet() -> None:
        with gate:
            together.wait(LATE)

    for visit in [pool.submit(meet) for _ in range(4)]:
        visit.result(LATE)


def test_closing_waits_for_all_inside_and_keeps_the_next_out(pool: ThreadPoolExecutor):
    gate, first, second = Gate(), threading.Event(), threading.Event()
    visits = [pool.submit(go_in, gate, event) for event in (first, second)]
    time.sleep(SOON)
    closing = pool.submit(close_and_open, gate)
    assert is_waiting(closing)
    late = pool.submit(go_in, gate, second)
    first.set()
    visits[0].result(LATE)
    assert is_waiting(closing)
    second.set()
    for future in (visits[1], closing, late):
        future.result(LATE)


def test_nobody_comes_into_a_closed_gate(pool: ThreadPoolExecutor):
    gate, out = Gate(), threading.Event()
    out.set()
    gate.close()
    visit = pool.submit(go_in, gate, out)
    assert is_waiting(visit)
    gate.open()
    visit.result(LATE)


def test_a_thread_inside_may_close_the_gate_and_come_in_again():
    gate = Gate()
    with gate, gate:
        close_and_open(gate)
    close_and_open(gate)


def test_a_thread_inside_comes_in_again_while_the_gate_is_closing(pool: ThreadPoolExecutor):
    gate, again = Gate(), threading.Event()

    def twice() -> None:
        with gate:
            assert again.wait(LATE)
            with gate:
                pass

    visit = pool.submit(twice)
    time.sleep(SOON)
    closing = pool.submit(close_and_open, gate)
    assert is_waiting(closing)
    again.set()
    visit.result(LATE)
    closing.result(LATE)


def test_one_leaves_when_the_work_inside_fails():
    gate = Gate()
    with pytest.raises(ZeroDivisionError), gate:
        _ = 1 / 0
    closing = threading.Thread(target=close_and_open, args=(gate,), daemon=True)
    closing.start()
    closing.join(LATE)
    assert not closing.is_alive()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
@pytest.mark.parametrize(("compiled", "module"), [(False, reference), (True, numba_engine)])
def test_a_fork_waits_for_an_engine_on_the_cpu(
    compiled: bool, module: ModuleType, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
):
    at_work, go_on = threading.Event(), threading.Event()
    lstm = module.lstm
    is_slow = False

    def slow_lstm(*args: np.ndarray) -> np.ndarray:
        if is_slow:
            at_work.set()
            assert go_on.wait(LATE)
        return lstm(*args)

    monkeypatch.setattr(module, "lstm", slow_lstm)
    engine = make_engine(random_model(0), compiled=compiled)
    batch = engine.read([["word1", "word2"]])
    expected = engine.chain(batch)
    is_slow = True
    product = pool.submit(engine.chain, batch)
    assert at_work.wait(LATE)
    timer = threading.Timer(SOON, go_on.set)
    timer.start()
    child = os.fork()
    if child == 0:  # what the parent's gate held back is free to run here
        with forking.products:
            os._exit(int(not go_on.is_set()))
    assert go_on.is_set()
    assert os.waitpid(child, 0)[1] == 0
    assert product.result(LATE).emissions.tolist() == expected.emissions.tolist()
    timer.join()


def test_while_it_is_closed_no_other_thread_holds_any_of_its_locks():
    # A child has no other threads: a lock that one of them held at the fork would never be released there.
    gate = Gate()
    taken: list[bool] = []

    def take() -> None:
        taken.extend(lock.acquire(blocking=False) for lock in (gate._door, gate._changed))

    gate.close()
    thread = threading.Thread(target=take)
    thread.start()
    thread.join()
    gate.open()
    assert taken == [False, False]
