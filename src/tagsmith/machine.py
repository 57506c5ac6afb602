"""The processor, cores, memory, versions and commit that this process runs on."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
"""Environment variables that limit matrix products to one thread."""


def cores() -> list[int]:
    """Return the cores that this process may run on; none if the system doesn't say."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def processor() -> str:
    """Return the processor's name."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return model or platform.processor()


def versions() -> dict[str, str]:
    """Return the versions of Python, tagsmith and the numeric libraries."""
    names = ("tagsmith", "numpy", "numba", "torch")
    return {"python": platform.python_version(), **{name: metadata.version(name) for name in names if find_spec(name)}}


def machine() -> dict[str, Any]:
    """Return the processor, the system and the versions, and the load."""
    return {
        "processor": processor(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": len(cores()) or os.cpu_count(),
        "load": list(os.getloadavg()) if hasattr(os, "getloadavg") else None,
        **versions(),
    }


def commit() -> str:
    """Return the Git commit of this code, with ``-dirty`` if files changed; "" for an installed package."""
    folder = Path(__file__).parent
    if _git(folder, "ls-files", Path(__file__).name):
        return _git(folder, "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*")
    return ""


def _git(folder: Path, *words: str) -> str:
    try:
        done = subprocess.run(["git", *words], cwd=folder, capture_output=True, encoding="utf-8", check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()
