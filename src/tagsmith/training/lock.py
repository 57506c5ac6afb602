"""A lock on a model file: only one training at a time writes it and the files beside it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from tagsmith.errors import DataError


def lock_beside(model: Path) -> Path:
    """Return the lock file of a model file, which exists during training: ``.ner.safetensors.training`` for
    ``ner.safetensors``."""
    target = Path(os.path.realpath(model))
    return target.with_name(f".{target.name}.training")


@contextmanager
def sole_training(model: Path) -> Iterator[None]:
    """Lock a model file for one training inside the block.

    The operating system releases the lock when the process ends, for any reason. So the lock file of a killed process
    locks nothing.

    Raises:
        DataError: another training has locked it.
    """
    path = lock_beside(model)
    lock = FileLock(path, blocking=False)
    try:
        lock.acquire()
    except Timeout:
        found = "another training that is writing this model"
        raise DataError(found, "that it ends, or another file to write to", source=str(model)) from None
    try:
        yield
    finally:
        # Before the release: who opened the file earlier then sees that it is gone, and makes another.
        with suppress(OSError):  # Windows removes no open file
            path.unlink()
        lock.release()
