"""Scores of other taggers on the same files, which ``benchmarks/score_rivals.py`` writes to ``rivals/TASK.json``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from tagsmith.errors import DataError
from tagsmith.reproduce.tables import DEV, TASKS, TEST


class RivalFile(Struct, frozen=True):
    """A file that a rival read."""

    file: str
    sha256: str


class RivalScores(Struct, frozen=True):
    """The scores of a rival on a task."""

    tool: str
    version: str
    data: dict[str, RivalFile]
    """By split; without dev, the last tenth of train is dev."""
    dev: dict[str, Any]
    test: dict[str, Any]
    seconds: dict[str, float]
    """The time for training, and for tagging dev and test."""

    def score(self, split: str) -> float:
        """Return the span F1 of dev or test."""
        return {DEV: self.dev, TEST: self.test}[split]["f1"]

    def used_files(self, files: dict[str, str]) -> bool:
        """Return whether the rival read these files, given by their SHA-256."""
        return all(files.get(split) == file.sha256 for split, file in self.data.items())


def read_rivals(folder: Path) -> dict[str, list[RivalScores]]:
    """Return the rivals in a results folder, by task.

    Raises:
        DataError: a file is damaged, or its name is not that of a task.
    """
    rivals = {}
    for path in sorted((folder / "rivals").glob("*.json")):
        if path.stem not in TASKS:
            raise DataError(f"the name {path.name}", f"a task's: {', '.join(TASKS)}", source=str(path))
        try:
            rivals[path.stem] = msgspec.json.decode(path.read_bytes(), type=list[RivalScores])
        except msgspec.DecodeError as error:
            found = f"damaged records of rivals ({error})"
            raise DataError(found, "those of score_rivals.py", source=str(path)) from None
    return rivals
