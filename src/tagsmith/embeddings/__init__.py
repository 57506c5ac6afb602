"""Pretrained word vectors: read from the field's formats, kept in a table that maps into memory, with a report of
what they cover."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from tagsmith.embeddings.reading import FORMS, files_of, read_blocks
from tagsmith.embeddings.trimming import TrimChoice, lookup_forms
from tagsmith.embeddings.vector_table import VERSION, Keep, VectorTable, gather, is_table, map_table, write_table
from tagsmith.embeddings.word_vectors import Coverage, WordVectors
from tagsmith.errors import DataError
from tagsmith.files import Watch, cache_folder

__all__ = [
    "FORMS",
    "Coverage",
    "TrimChoice",
    "WordVectors",
    "load_vectors",
    "lookup_forms",
    "read_table",
    "write_table",
]


def load_vectors(path: str | os.PathLike[str], form: str | None = None, *, watch: Watch | None = None) -> WordVectors:
    """The vectors of a file: one of ``FORMS``, plain or gzip, or a table that ``write_table`` wrote.

    A table is mapped as it is. Of any other file the first load leaves a table in the user's cache folder (or in the
    folder named by ``TAGSMITH_CACHE``) that later loads map. It counts as long as the file's path, size and time of
    change stay. Processes that map the same table share its memory.

    Args:
        form: what the file is; unset, its content decides.
        watch: called with the bytes read and the bytes there are, while a file is read.

    Raises:
        DataError: the file is missing, or anything in it is not as its form wants it.
    """
    source = str(path)
    if form is None and is_table(path):
        return map_table(path).vectors(source)
    copy = _copy_place(files_of(path, form), form)
    if copy is not None:
        try:
            return map_table(copy).vectors(source)
        except (OSError, DataError):
            pass  # there is no copy, or a damaged one: it is made anew
    table = read_table(path, form, watch=watch)
    if copy is not None:
        try:
            write_table(copy, table)
            table = map_table(copy)
        except (OSError, DataError):
            pass  # no room for a copy: the table in memory serves as well
    return table.vectors(source)


def read_table(
    path: str | os.PathLike[str],
    form: str | None = None,
    *,
    keep: Keep | None = None,
    watch: Watch | None = None,
) -> VectorTable:
    """The table of a file of vectors, past the cache; rows are left out as soon as they are read.

    Args:
        form: what the file is; unset, its content decides.
        keep: which rows of a block to keep, by their words; all, if unset.
        watch: called with the bytes read and the bytes there are.

    Raises:
        DataError: the file is missing, or anything in it is not as its form wants it.
    """
    if form is None and is_table(path):
        table = map_table(path)
        return table if keep is None else gather(table.blocks(str(path)), table.form, keep)
    found, blocks = read_blocks(path, form, watch)
    return gather(blocks, found, keep)


def _copy_place(files: tuple[Path, ...], form: str | None) -> Path | None:
    """Where the table of these files is kept; None if it can't be, or if a pipe is among them."""
    if not all(file.is_file() for file in files):
        return None
    folder = cache_folder("vectors")
    if folder is None:
        return None
    states = [(str(file.resolve()), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    identity = hashlib.sha256(repr((VERSION, form, states)).encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return folder / f"{identity}.safetensors"
