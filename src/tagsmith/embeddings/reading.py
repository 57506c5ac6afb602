"""Vector files of any format to blocks of words and vectors, or to a table in memory."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

from tagsmith.embeddings.senna import NUMBERS, WORDS
from tagsmith.embeddings.text_rows import ByteStream
from tagsmith.embeddings.vector_formats import FORMATS, detect_format
from tagsmith.embeddings.vector_table import Keep, VectorBlock, VectorTable, gather, is_table, map_table
from tagsmith.errors import DataError
from tagsmith.files import Watch, check_readable, read_chunks


def read_table(
    path: str | os.PathLike[str],
    format: str | None = None,
    *,
    keep: Keep | None = None,
    watch: Watch | None = None,
) -> VectorTable:
    """Read a vector file into a table in memory, without the cache.

    Rows that are not kept take no memory.

    Args:
        format: a key of ``FORMATS``; by default it is detected.
        keep: selects the rows of each block by their words; by default all are kept.
        watch: called with the bytes read and the size of the file.

    Raises:
        DataError: the file is missing, or its content does not follow its format.
    """
    if format is None and is_table(path):
        table = map_table(path)
        return table if keep is None else gather(table.blocks(str(path)), table.format, keep)
    detected, blocks = read_blocks(path, format, watch)
    return gather(blocks, detected, keep)


def read_blocks(
    path: str | os.PathLike[str], format: str | None = None, watch: Watch | None = None
) -> tuple[str, Iterator[VectorBlock]]:
    """Return the format of a vector file and an iterator over its blocks.

    Args:
        format: a key of ``FORMATS``; by default it is detected.
        watch: called with the bytes read and the size of the file.

    Raises:
        DataError: the file is missing or empty, or its content does not follow its format.
    """
    format, files = _find_files(Path(path), format)
    if format is not None and len(files) > 1:
        streams = [ByteStream(read_chunks(file, watch if file == files[-1] else None), str(file)) for file in files]
        return format, FORMATS[format].read(*streams)
    chunks = read_chunks(path, watch)
    head = next(chunks, b"")
    if not head:
        raise DataError("an empty file", "word vectors", source=str(path))
    format = format or detect_format(head, str(path))
    return format, FORMATS[format].read(ByteStream(itertools.chain([head], chunks), str(path)))


def files_of(path: str | os.PathLike[str], format: str | None = None) -> tuple[Path, ...]:
    """Return the vector file at a path, or all files of a format that has several, such as Senna's two.

    Raises:
        DataError: there is no such file.
    """
    return _find_files(Path(path), format)[1]


def _find_files(path: Path, format: str | None) -> tuple[str | None, tuple[Path, ...]]:
    """Return the files, and their format if it is given or known by the files' names."""
    for name, each in FORMATS.items():
        if format in (None, name) and each.find_files and (files := each.find_files(path)):
            return name, files
    check_readable(path, f"a file of word vectors, or a folder with Senna's {WORDS} and {NUMBERS}")
    if format is not None and FORMATS[format].find_files:
        raise DataError(f"no {WORDS} and {NUMBERS}", "Senna's two files, or a folder with them", source=str(path))
    return format, (path,)
