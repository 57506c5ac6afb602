"""Vector files for tests: written, loaded, and the errors of faulty ones."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest

from tagsmith.embeddings import WordVectors, load_vectors
from tagsmith.errors import DataError


def write(folder: Path, content: bytes | str) -> Path:
    """Write a vector file into a new folder: two of equal size and time at one path would share a cached table."""
    path = Path(tempfile.mkdtemp(dir=folder)) / "vectors.txt"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def load(folder: Path, content: bytes | str, format: str | None = None) -> WordVectors:
    """Write and load a vector file."""
    return load_vectors(write(folder, content), format)


def error_of(path: Path, format: str | None = None) -> DataError:
    """Return the error that loading a file raises."""
    with pytest.raises(DataError) as caught:
        load_vectors(path, format)
    return caught.value


def check_content(vectors: WordVectors, rows: dict[str, list[float]]) -> None:
    """Check that vectors have exactly these words and numbers, in this order."""
    assert vectors.words.strings == list(rows)
    np.testing.assert_array_equal(vectors.matrix, np.array(list(rows.values()), np.float32))
