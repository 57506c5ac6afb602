"""Word vectors ready for use, from a table that is kept in the user's cache folder and mapped into memory."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from tagsmith.embeddings.reading import files_of, read_table
from tagsmith.embeddings.vector_table import VERSION, is_table, map_table, write_table
from tagsmith.embeddings.word_vectors import WordVectors
from tagsmith.errors import DataError
from tagsmith.files import Watch, cache_folder


def load_vectors(path: str | os.PathLike[str], format: str | None = None, *, watch: Watch | None = None) -> WordVectors:
    """Load word vectors from a file in one of ``FORMATS``, plain or gzip, or from a table by ``write_table``.

    A table is mapped directly. The first load of any other file writes a table to the user's cache folder (or to
    ``TAGSMITH_CACHE``), and later loads map it. The table is used as long as the file's path, size and modification
    time stay the same. Processes that map the same table share its memory.

    Args:
        format: a key of ``FORMATS``; by default it is detected from the content.
        watch: called with the bytes read and the size of the file, while a file is read.

    Raises:
        DataError: the file is missing, or its content does not follow its format.
    """
    source = str(path)
    if format is None and is_table(path):
        return map_table(path).vectors(source)
    cached = _cache_path(files_of(path, format), format)
    if cached is not None:
        try:
            return map_table(cached).vectors(source)
        except (OSError, DataError):
            pass  # the table is missing or damaged: write it again
    table = read_table(path, format, watch=watch)
    if cached is not None:
        try:
            write_table(cached, table)
            table = map_table(cached)
        except (OSError, DataError):
            pass  # the cache can't be written: fall back to the table in memory
    return table.vectors(source)


def _cache_path(files: tuple[Path, ...], format: str | None) -> Path | None:
    """Return where the table of these files is cached; None without a cache folder, or if a file is a pipe."""
    if not all(file.is_file() for file in files):
        return None
    folder = cache_folder("vectors")
    if folder is None:
        return None
    states = [(str(file.resolve()), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    identity = hashlib.sha256(repr((VERSION, format, states)).encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return folder / f"{identity}.safetensors"
