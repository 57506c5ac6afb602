"""A lock that keeps forks out of matrix products.

OpenBLAS, which NumPy's packages bundle, stops its threads before a fork. It hangs, in the parent or in the child, if
another Python thread is in the middle of a product on them. So a fork waits for the products in progress, and new
products wait for the fork.
"""

from __future__ import annotations

import os
import threading


class SharedLock:
    """A readers-writer lock: many threads can hold it shared, by ``with``, or one alone, by ``acquire_exclusive``."""

    def __init__(self) -> None:
        # Reentrant, as a signal handler may fork, or tag, between any two lines of the thread it interrupts.
        self._entry = threading.RLock()
        self._changed = threading.Condition()
        self._holders: list[int] = []

    def __enter__(self) -> None:
        me = threading.get_ident()
        with self._changed:
            if me in self._holders:  # an exclusive acquire waits for this thread, which must not wait for it
                self._holders.append(me)
                return
        with self._entry, self._changed:
            self._holders.append(me)

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._holders.remove(threading.get_ident())
            self._changed.notify_all()

    def acquire_exclusive(self) -> None:
        """Let no other thread acquire the lock, and wait until all others have released it."""
        self._entry.acquire()
        # Kept until the release: if another thread held it during a fork, the child would wait for it forever.
        self._changed.acquire()
        me = threading.get_ident()
        self._changed.wait_for(lambda: all(thread == me for thread in self._holders))

    def release_exclusive(self) -> None:
        """Let other threads acquire the lock again. Only the thread that acquired it may call this."""
        self._changed.release()
        self._entry.release()


fork_lock = SharedLock()
"""Every engine on the CPU holds it shared during its products, and each fork of the process holds it exclusively."""

if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(
        before=fork_lock.acquire_exclusive,
        after_in_parent=fork_lock.release_exclusive,
        after_in_child=fork_lock.release_exclusive,
    )
