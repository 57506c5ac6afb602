"""The lock between forks and matrix products."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from tagsmith.engine import forking, make_engine
from tagsmith.engine.forking import SharedLock
from tagsmith.ops.recurrence.kinds import KINDS
from tests.support.handmade import random_model

SOON, LATE = 0.1, 10.0  # seconds after which something would, or must, have happened


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as threads:
        yield threads


def hold(lock: SharedLock, release: threading.Event) -> None:
    with lock:
        assert release.wait(LATE)


def acquire_and_release(lock: SharedLock) -> None:
    lock.acquire_exclusive()
    lock.release_exclusive()


def is_waiting(future: Future[None]) -> bool:
    time.sleep(SOON)
    return not future.done()


def test_any_number_of_threads_hold_it_shared(pool: ThreadPoolExecutor):
    lock, together = SharedLock(), threading.Barrier(4)

    def meet() -> None:
        with lock:
            together.wait(LATE)

    for visit in [pool.submit(meet) for _ in range(4)]:
        visit.result(LATE)


def test_an_exclusive_acquire_waits_for_all_holders_and_keeps_others_out(pool: ThreadPoolExecutor):
    lock, first, second = SharedLock(), threading.Event(), threading.Event()
    visits = [pool.submit(hold, lock, event) for event in (first, second)]
    time.sleep(SOON)
    exclusive = pool.submit(acquire_and_release, lock)
    assert is_waiting(exclusive)
    late = pool.submit(hold, lock, second)
    first.set()
    visits[0].result(LATE)
    assert is_waiting(exclusive)
    second.set()
    for future in (visits[1], exclusive, late):
        future.result(LATE)


def test_no_thread_acquires_it_while_it_is_held_exclusively(pool: ThreadPoolExecutor):
    lock, out = SharedLock(), threading.Event()
    out.set()
    lock.acquire_exclusive()
    visit = pool.submit(hold, lock, out)
    assert is_waiting(visit)
    lock.release_exclusive()
    visit.result(LATE)


def test_a_holder_may_acquire_it_exclusively_and_again_shared():
    lock = SharedLock()
    with lock, lock:
        acquire_and_release(lock)
    acquire_and_release(lock)


def test_a_holder_acquires_it_again_while_another_waits_for_it_exclusively(pool: ThreadPoolExecutor):
    lock, again = SharedLock(), threading.Event()

    def twice() -> None:
        with lock:
            assert again.wait(LATE)
            with lock:
                pass

    visit = pool.submit(twice)
    time.sleep(SOON)
    exclusive = pool.submit(acquire_and_release, lock)
    assert is_waiting(exclusive)
    again.set()
    visit.result(LATE)
    exclusive.result(LATE)


def test_it_is_released_when_the_work_fails():
    lock = SharedLock()
    with pytest.raises(ZeroDivisionError), lock:
        _ = 1 / 0
    exclusive = threading.Thread(target=acquire_and_release, args=(lock,), daemon=True)
    exclusive.start()
    exclusive.join(LATE)
    assert not exclusive.is_alive()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
@pytest.mark.parametrize("compiled", [False, True])
def test_a_fork_waits_for_an_engine_on_the_cpu(
    compiled: bool, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
):
    working, proceed = threading.Event(), threading.Event()
    kind = KINDS["lstm"]
    lstm: Any = kind.compiled() if compiled else kind.reference
    is_slow = False

    def slow_lstm(*args: Any) -> Any:
        if is_slow:
            working.set()
            assert proceed.wait(LATE)
        return lstm(*args)

    monkeypatch.setitem(KINDS, "lstm", replace(kind, compiled=lambda: slow_lstm, reference=slow_lstm))
    engine = make_engine(random_model(0), compiled=compiled)
    batch = engine.read([["word1", "word2"]])
    expected = engine.chain(batch)
    is_slow = True
    product = pool.submit(engine.chain, batch)
    assert working.wait(LATE)
    timer = threading.Timer(SOON, proceed.set)
    timer.start()
    child = os.fork()
    if child == 0:  # what the parent's lock held back is free to run here
        with forking.fork_lock:
            os._exit(int(not proceed.is_set()))
    assert proceed.is_set()
    assert os.waitpid(child, 0)[1] == 0
    assert product.result(LATE).emissions.tolist() == expected.emissions.tolist()
    timer.join()


def test_while_it_is_exclusive_no_other_thread_holds_any_of_its_locks():
    # A child has no other threads: a lock that one of them held at the fork would never be released there.
    lock = SharedLock()
    taken: list[bool] = []

    def take() -> None:
        taken.extend(part.acquire(blocking=False) for part in (lock._entry, lock._changed))

    lock.acquire_exclusive()
    thread = threading.Thread(target=take)
    thread.start()
    thread.join()
    lock.release_exclusive()
    assert taken == [False, False]
