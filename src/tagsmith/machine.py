"""What this process runs on and is made of: processor, cores, memory, versions, commit."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
"""The environment of a process whose matrix products have one thread each."""


def cores() -> list[int]:
    """The cores this process may run on; none where the system doesn't say."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def processor() -> str:
    """The processor's name."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return model or platform.processor()


def versions() -> dict[str, str]:
    """The versions of Python, of tagsmith and of what does the arithmetic."""
    names = ("tagsmith", "numpy", "numba", "torch")
    return {"python": platform.python_version(), **{name: metadata.version(name) for name in names if find_spec(name)}}


def machine() -> dict[str, Any]:
    """The processor, the system and the versions, with how busy it is."""
    return {
        "processor": processor(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": len(cores()) or os.cpu_count(),
        "load": list(os.getloadavg()) if hasattr(os, "getloadavg") else None,
        **versions(),
    }


def commit() -> str:
    """The Git commit this code was run from, ``-dirty`` if files differ from it; "" for an installed package."""
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
