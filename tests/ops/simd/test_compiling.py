"""Where compiled kernels are kept, and what is said when they are compiled."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import numpy as np
from tagsmith.ops.recurrence.compiled import lstm_step
assert lstm_step(np.zeros((1, 4), np.float32), np.zeros((1, 1), np.float32), np.zeros((1, 1), np.float32), 1) is None
print(len(lstm_step.stats.cache_hits), len(lstm_step.stats.cache_misses))
"""


def run(**environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if name not in ("NUMBA_CACHE_DIR", "TAGSMITH_CACHE")}
    return subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, env={**inherited, **environment}
    )


@pytest.mark.parametrize("variable", ["NUMBA_CACHE_DIR", "TAGSMITH_CACHE"])
def test_they_are_compiled_once_and_it_is_said_once(variable: str, tmp_path: Path):
    first = run(**{variable: str(tmp_path)})
    assert first.stdout == "0 1\n"
    assert first.stderr.startswith("tagsmith: compiling its kernels for this processor, once per install")
    assert first.stderr.count("\n") == 1
    assert list(tmp_path.rglob("*.nbi"))
    again = run(**{variable: str(tmp_path)})
    assert again.stdout == "1 0\n"
    assert again.stderr == ""


def test_where_nothing_can_be_kept_they_are_compiled_all_the_same(tmp_path: Path):
    (tmp_path / "file").touch()
    result = run(TAGSMITH_CACHE=str(tmp_path / "file" / "below"), TMPDIR=str(tmp_path))
    assert result.stdout == "0 1\n"
    assert "compiling" in result.stderr
