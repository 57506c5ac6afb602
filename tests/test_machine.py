"""What is said of the machine and of the code's own commit."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tagsmith import machine


def git(folder: Path, *words: str) -> str:
    names = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    done = subprocess.run(["git", *names, *words], cwd=folder, check=True, capture_output=True, encoding="utf-8")
    return done.stdout.strip()


def test_the_commit_is_that_of_the_repository_that_has_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    code = tmp_path / "machine.py"
    code.write_text("x = 1\n")
    monkeypatch.setattr(machine, "__file__", str(code))
    assert machine.commit() == ""
    git(tmp_path, "init", "-q")
    assert machine.commit() == "", "installed inside somebody else's repository"
    git(tmp_path, "add", "machine.py")
    git(tmp_path, "commit", "-qm", "first")
    first = git(tmp_path, "rev-parse", "HEAD")[:12]
    assert machine.commit() == first
    code.write_text("x = 2\n")
    assert machine.commit() == f"{first}-dirty"


def test_without_git_there_is_no_commit(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "")
    assert machine.commit() == ""


def test_versions_name_what_does_the_arithmetic():
    assert {"python", "tagsmith", "numpy", "numba"} <= machine.versions().keys()
    assert machine.machine().items() >= machine.versions().items()
