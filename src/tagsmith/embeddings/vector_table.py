"""The table: words and vectors in one safetensors file, which is mapped into memory."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tagsmith.embeddings.word_vectors import WordVectors
from tagsmith.errors import DataError
from tagsmith.files import check_readable
from tagsmith.tensors import map_tensors, pack_strings, write_tensors
from tagsmith.vocab import Vocabulary

VectorBlock = tuple[list[str], NDArray[np.float32]]
"""Words and their vectors. Shape: [words, dim]."""

Keep = Callable[[list[str]], Sequence[int]]
"""Given the words of the next block, returns which of its rows to keep."""

KEY = "tagsmith.vectors"
VERSION = 1
_BLOCK = 10_000  # rows
_MATRIX, _BYTES, _OFFSETS = "matrix", "words.bytes", "words.offsets"


@dataclass(frozen=True)
class VectorTable:
    """The content of a table's file."""

    arrays: dict[str, NDArray[Any]]
    format: str
    """The format that the vectors were read from."""
    repeated: int
    """Rows that were left out because an earlier row has the same word."""

    @property
    def shape(self) -> tuple[int, int]:
        """The number of words and the dimension of a vector."""
        words, dim = self.arrays[_MATRIX].shape
        return words, dim

    def vectors(self, source: str) -> WordVectors:
        """Return the table as vectors ready for lookups. The matrix is not copied.

        Raises:
            DataError: a word is damaged or there twice.
        """
        try:
            words = Vocabulary.of_packed(self.arrays[_BYTES], self.arrays[_OFFSETS])
        except ValueError as error:
            raise DataError(f"a damaged table ({error})", "word vectors", source=source) from None
        return WordVectors(words, self.arrays[_MATRIX], source, self.repeated, self.format)

    def blocks(self, source: str) -> Iterator[VectorBlock]:
        """Yield words and vectors in blocks.

        Raises:
            DataError: a word is damaged or there twice.
        """
        vectors = self.vectors(source)
        for start in range(0, len(vectors.words), _BLOCK):
            yield vectors.words.strings[start : start + _BLOCK], vectors.matrix[start : start + _BLOCK]


def gather(blocks: Iterable[VectorBlock], format: str, keep: Keep | None = None) -> VectorTable:
    """Collect blocks in a table, with the first row of each word.

    Args:
        keep: selects the rows of each block by their words; by default all are kept.
    """
    words: dict[str, None] = {}
    matrix = np.empty((0, 0), np.float32)
    repeated = 0
    for names, rows in blocks:
        before = len(words)
        new = []
        for i in range(len(names)) if keep is None else keep(names):
            if names[i] in words:
                repeated += 1
            else:
                words[names[i]] = None
                new.append(i)
        _reserve(matrix, len(words), rows.shape[1])
        matrix[before : len(words)] = rows if len(new) == len(rows) else rows[new]
    matrix.resize((len(words), matrix.shape[1]), refcheck=False)
    strings = list(words)
    words.clear()  # after the matrix, the hash table takes the most memory
    data, offsets = pack_strings(strings)
    return VectorTable({_MATRIX: matrix, _BYTES: data, _OFFSETS: offsets}, format, repeated)


def _reserve(matrix: NDArray[np.float32], rows: int, dim: int) -> None:
    """Grow the matrix in place, to an eighth more than needed, so that it is never in memory twice."""
    if rows > len(matrix) or not matrix.shape[1]:
        matrix.resize((rows + rows // 8, dim), refcheck=False)


def write_table(path: str | os.PathLike[str], table: VectorTable) -> None:
    """Write a table to a file, completely or not at all. Equal tables give the same bytes.

    Raises:
        DataError: the file can't be written.
    """
    facts = {"form": table.format, "format_version": VERSION, "repeated": table.repeated}
    write_tensors(path, table.arrays, json.dumps(facts, separators=(",", ":")), KEY)


def is_table(path: str | os.PathLike[str]) -> bool:
    """Return whether a file starts like safetensors; it may be truncated."""
    try:
        if not Path(path).is_file():
            return False
        with Path(path).open("rb") as file:
            return looks_like_table(file.read(9))
    except OSError:
        return False


def looks_like_table(head: bytes) -> bool:
    """Return whether the first bytes of a file are those of safetensors.

    They are the length of the header in eight bytes, the last four of which are 0, and a header that starts with {.
    """
    return head[4:9] == b"\0\0\0\0{"


def map_table(path: str | os.PathLike[str]) -> VectorTable:
    """Map the table in a file into memory. Vectors are read from disk when they are first used.

    Raises:
        DataError: the file is missing, damaged, not a table of vectors, or of another version.
    """
    check_readable(path, "a table of word vectors")
    expected = "a table of word vectors, as tagsmith vectors convert writes it"
    try:
        arrays, document = map_tensors(path, KEY)
    except DataError as error:
        raise DataError(f"a damaged table ({error.found})", expected, source=str(path)) from None
    if not document:
        raise DataError("a safetensors file of something else", expected, source=str(path))
    try:
        facts = json.loads(document)
        version, format, repeated = facts["format_version"], str(facts["form"]), int(facts["repeated"])
    except (ValueError, TypeError, KeyError):
        raise DataError("a damaged table (its facts)", expected, source=str(path)) from None
    if version != VERSION:
        raise DataError(f"a table of version {version!r}", f"version {VERSION}", source=str(path))
    _check_shapes(arrays, str(path))
    return VectorTable(arrays, format, repeated)


def _check_shapes(arrays: dict[str, NDArray[Any]], source: str) -> None:
    found = {name: (array.dtype.name, array.ndim) for name, array in arrays.items()}
    expected_arrays = {_MATRIX: ("float32", 2), _BYTES: ("uint8", 1), _OFFSETS: ("int64", 1)}
    if found != expected_arrays or len(arrays[_OFFSETS]) != len(arrays[_MATRIX]) + 1 or not arrays[_MATRIX].size:
        shapes = ", ".join(f"{name} {array.dtype}{list(array.shape)}" for name, array in arrays.items())
        expected = f"{_MATRIX} float32[words, dim], {_BYTES} uint8[·] and {_OFFSETS} int64[words + 1]"
        raise DataError(f"a damaged table ({shapes})", expected, source=source)
