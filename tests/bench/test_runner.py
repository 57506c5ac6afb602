"""The process that runs a job: its protocol, the files it reads, and that it needs only Python."""

from __future__ import annotations

import ast
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tagsmith.bench import runner
from tagsmith.bench.runner import BenchTask, peak_bytes, read_columns

JOB = """
def prepare(task):
    task.notes["sentences"] = task.sentences("test")
    def fresh():
        runs = []
        def run():
            print("not a reply")
            runs.append(task.options["x"])
            return runs
        return run
    return fresh
"""


def test_it_replies_with_notes_then_with_a_line_for_each_run(tmp_path: Path):
    (tmp_path / "job.py").write_text(JOB)
    (tmp_path / "test.columns").write_text("Jay\tB-PER\n\n")
    task = json.dumps({"test": str(tmp_path / "test.columns"), "x": 3})
    command = [sys.executable, runner.__file__, str(tmp_path / "job.py")]
    done = subprocess.run(command, input=f"{task}\nrun\nrun\n", capture_output=True, text=True, check=True)
    ready, first, second = map(json.loads, done.stdout.splitlines())
    assert ready == {"notes": {"sentences": [[["Jay"], ["B-PER"]]]}}
    assert first["output"] == [3], "nothing is carried over from one run to the next"
    assert "output" not in second
    assert first["digest"] == second["digest"] == hashlib.sha256(b"[3]").hexdigest()
    assert first["seconds"] > 0
    assert done.stderr.count("not a reply") == 2


def test_a_failure_is_a_reply(tmp_path: Path):
    (tmp_path / "job.py").write_text("def prepare(task):\n    raise ValueError('no data\\nat all')")
    command = [sys.executable, runner.__file__, str(tmp_path / "job.py")]
    done = subprocess.run(command, input="{}\n", capture_output=True, text=True)
    assert done.returncode == 1
    assert json.loads(done.stdout) == {"error": "ValueError: no data"}


def test_blank_lines_end_sentences_and_other_separators_do_not(tmp_path: Path):
    path = tmp_path / "x.columns"
    path.write_text("\na\u2028b\tB-X\nc\x0cd\tO\n\n\ne\tO\n\n", "utf-8")
    expected = [(["a\u2028b", "c\x0cd"], ["B-X", "O"]), (["e"], ["O"])]
    assert list(read_columns(str(path))) == expected
    assert BenchTask({"test": str(path)}).tokens("test") == [tokens for tokens, _ in expected]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux reports the peak memory")
def test_the_peak_of_this_process():
    assert (peak_bytes() or 0) > 10_000_000


def test_it_needs_only_python():
    tree = ast.parse(Path(runner.__file__).read_text("utf-8"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in names} <= set(sys.stdlib_module_names)
