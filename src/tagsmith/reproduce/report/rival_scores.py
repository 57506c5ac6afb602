"""Scores of other taggers on the same files, as ``benchmarks/score_rivals.py`` leaves them: ``rivals/TASK.json``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from tagsmith.errors import DataError
from tagsmith.reproduce.tables import DEV, TASKS, TEST


class RivalFile(Struct, frozen=True):
    """A file that it read."""

    file: str
    sha256: str


class Rival(Struct, frozen=True):
    """What a rival scored on a task."""

    tool: str
    version: str
    data: dict[str, RivalFile]
    """By part; without dev, the last tenth of train is dev."""
    dev: dict[str, Any]
    test: dict[str, Any]
    seconds: dict[str, float]
    """Of training and of tagging dev and test."""

    def score(self, part: str) -> float:
        """Span F1 of dev or test."""
        return {DEV: self.dev, TEST: self.test}[part]["f1"]

    def read_the_same(self, files: dict[str, str]) -> bool:
        """Whether what it read are these files, given by their SHA-256."""
        return all(files.get(part) == file.sha256 for part, file in self.data.items())


def read_rivals(folder: Path) -> dict[str, list[Rival]]:
    """The rivals of a results folder, by task.

    Raises:
        DataError: a damaged file, or one that is named by no task.
    """
    rivals = {}
    for path in sorted((folder / "rivals").glob("*.json")):
        if path.stem not in TASKS:
            raise DataError(f"the name {path.name}", f"a task's: {', '.join(TASKS)}", source=str(path))
        try:
            rivals[path.stem] = msgspec.json.decode(path.read_bytes(), type=list[Rival])
        except msgspec.DecodeError as error:
            raise DataError(
                f"damaged records of rivals ({error})", "those of score_rivals.py", source=str(path)
            ) from None
    return rivals
