"""A registry with one tiny corpus, and its files."""

from __future__ import annotations

import hashlib
from pathlib import Path

TRAIN = "-DOCSTART- O\n\n" + "".join(f"Ann{i} B-PER\nsleeps O\n\n" for i in range(25))
TEST = "Paris B-LOC\nis O\nin O\nFrance B-LOC\n\n"


def sha256(content: str | bytes) -> str:
    """Return the digest of a file's content."""
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()


def write_registry(path: Path, *, train: str = "", test: str = "", extra: str = "", train_content: str = TRAIN) -> Path:
    """Write a registry with one corpus, ``tiny``. ``train`` and ``test`` are further lines for its files."""
    path.write_text(
        f"""
[corpora.tiny]
title = "Tiny"
task = "named entities"
language = "English"
scheme = "IOB2"
licence = "CC0-1.0"
shippable = true
last_tenth_is_dev = true
homepage = "https://tiny.example/"
citation = "Nobody (2020)"
how = "Write it yourself."

[corpora.tiny.files.train]
name = "train.txt"
also = ["tiny.train"]
sentences = 25
tokens = 50
spans = 25
bytes = {len(train_content)}
sha256 = "{sha256(train_content)}"
{train}

[corpora.tiny.files.test]
name = "test.txt"
sentences = 1
tokens = 4
spans = 2
bytes = {len(TEST)}
sha256 = "{sha256(TEST)}"
{test}
{extra}
""",
        "utf-8",
    )
    return path


def write_corpus(folder: Path, *, train: str = "train.txt", test: str = "test.txt") -> Path:
    """Write the files of ``tiny`` to a folder, under these names."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / train).write_text(TRAIN, "utf-8")
    (folder / test).write_text(TEST, "utf-8")
    return folder
