"""Compile kernels with Numba once per install and processor, and announce it.

Compiled code is cached in the user's cache folder (see ``files.cache_folder``; ``NUMBA_CACHE_DIR`` wins), in a folder
named by a hash of all kernels' sources. A change of any kernel invalidates all, since Numba checks only the file of the
compiled function and not its imports.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba.core import config, event

from tagsmith.files import cache_folder

Function = TypeVar("Function", bound=Callable[..., Any])

_MAY_REORDER = {"contract", "reassoc", "nsz", "arcp", "afn"}  # never nnan or ninf: -inf and NaN keep their meaning


def kernel(function: Function) -> Function:
    """Compile a function at its first call. It releases Python's lock and divides like NumPy."""
    return _compiled(function, fastmath=False)


def reordering_kernel(function: Function) -> Function:
    """Compile as ``kernel``, but allow sums in another, fixed order, so that they use vector instructions."""
    return _compiled(function, fastmath=_MAY_REORDER)


def _compiled(function: Any, fastmath: bool | set[str]) -> Any:
    settings: Any = config  # Numba adds them on import
    before, settings.CACHE_DIR = settings.CACHE_DIR, _folder()
    try:
        return numba.njit(function, cache=True, nogil=True, error_model="numpy", fastmath=fastmath)
    finally:
        settings.CACHE_DIR = before


@cache
def _folder() -> str:
    """Return the folder of compiled kernels; if none can be kept, a temporary one for this process."""
    salt = hashlib.sha256()
    for path in sorted(Path(__file__).parents[1].rglob("*.py")):
        salt.update(path.read_bytes())
    settings: Any = config
    kept = settings.CACHE_DIR or cache_folder("kernels")
    return str(Path(kept) / salt.hexdigest()[:16]) if kept else tempfile.mkdtemp(prefix="tagsmith-kernels-")


class _Announcement(event.Listener):
    """Prints one line to stderr before the first kernel that is missing from the cache is compiled."""

    def __init__(self) -> None:
        self.is_made = False

    def on_start(self, event: Any) -> None:
        if not self.is_made and event.data["dispatcher"].py_func.__module__.startswith("tagsmith.ops."):
            self.is_made = True
            print("tagsmith: compiling its kernels for this processor, once per install …", file=sys.stderr, flush=True)

    def on_end(self, event: Any) -> None:
        pass


event.register("numba:compile", _Announcement())
