"""One training at a time writes a model file and what lies beside it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from tagsmith.errors import DataError


def lock_beside(model: Path) -> Path:
    """The lock file, there while a training is: ``ner.safetensors`` has ``.ner.safetensors.training``."""
    target = Path(os.path.realpath(model))
    return target.with_name(f".{target.name}.training")


@contextmanager
def sole_training(model: Path) -> Iterator[None]:
    """Hold a model file for one training. The system lets go of it when the process ends, however it ends.

    A lock file that a killed process left behind says nothing.

    Raises:
        DataError: another training holds it.
    """
    path = lock_beside(model)
    lock = FileLock(path, blocking=False)
    try:
        lock.acquire()
    except Timeout:
        found = "another training at work on this model"
        raise DataError(found, "its end, or another file to write to", source=str(model)) from None
    try:
        yield
    finally:
        # While it is held, so that whoever opened the file before sees that it is gone, and makes another.
        with suppress(OSError):  # Windows removes no open file
            path.unlink()
        lock.release()
