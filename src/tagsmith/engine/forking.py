"""No fork in the middle of a matrix product.

OpenBLAS, which NumPy's packages bring along, stops its threads before a fork. It hangs, in the parent or in the child,
when a product of another Python thread is at work on them at that moment. So a fork waits for the products under way,
and the next ones wait for the fork.
"""

from __future__ import annotations

import os
import threading


class Gate:
    """``with`` it, any number of threads are inside at once; closed, no other thread is, and none comes in."""

    def __init__(self) -> None:
        # Reentrant, as a signal handler may fork, or tag, between any two lines of the thread it interrupts.
        self._door = threading.RLock()
        self._changed = threading.Condition()
        self._inside: list[int] = []

    def __enter__(self) -> None:
        me = threading.get_ident()
        with self._changed:
            if me in self._inside:  # a closing gate waits for this thread, which must not wait for the gate
                self._inside.append(me)
                return
        with self._door, self._changed:
            self._inside.append(me)

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._inside.remove(threading.get_ident())
            self._changed.notify_all()

    def close(self) -> None:
        """Let nobody in, and wait until all other threads are out."""
        self._door.acquire()
        # Kept until the gate opens: were another thread to hold it during a fork, the child would wait for it forever.
        self._changed.acquire()
        me = threading.get_ident()
        self._changed.wait_for(lambda: all(thread == me for thread in self._inside))

    def open(self) -> None:
        """Let threads in again; to be called by the thread that closed the gate."""
        self._changed.release()
        self._door.release()


products = Gate()
"""What every engine's products on the CPU run inside of; each fork of the process closes it for its duration."""

if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(before=products.close, after_in_parent=products.open, after_in_child=products.open)
