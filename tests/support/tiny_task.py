"""A task and rows that train in a moment: the corpus in the package, and models too small to be good."""

from __future__ import annotations

import shutil
from pathlib import Path

from tagsmith.reproduce.tables import PaperRow, Task
from tests.support.handmade import DEMO, TINY

SETTINGS = {**TINY, "training.epochs": 3}
TASK = Task("names", "ner", "wnut17", {"again": ("ncbi_disease", "dev")})
ROWS = (PaperRow("softmax", {**SETTINGS, "head.kind": "softmax"}), PaperRow("crf", SETTINGS))


def copy_corpus(folder: Path) -> Path:
    """Copy the corpus in the package to a data folder, under the names of other corpora."""
    for name in ("wnut17", "ncbi_disease", "conll2000"):
        (folder / name).mkdir(parents=True)
        for part in ("train", "dev", "test"):
            shutil.copy(DEMO / f"{part}.conll", folder / name / f"{part}.txt")
    return folder
