"""The table: words and their rows in one safetensors file that maps into memory, the same for every format."""

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
"""Some words, and their rows [words, dim]."""

Keep = Callable[[list[str]], Sequence[int]]
"""Given the words of the next block, the places of the rows to keep."""

KEY = "tagsmith.vectors"
VERSION = 1
_BLOCK = 10_000  # rows
_MATRIX, _BYTES, _OFFSETS = "matrix", "words.bytes", "words.offsets"


@dataclass(frozen=True)
class VectorTable:
    """A table as it stands in its file: arrays, what they were read from, and how many rows repeated a word."""

    arrays: dict[str, NDArray[Any]]
    form: str
    repeated: int

    @property
    def shape(self) -> tuple[int, int]:
        """Words, and the width of a vector."""
        words, dim = self.arrays[_MATRIX].shape
        return words, dim

    def vectors(self, source: str) -> WordVectors:
        """The table ready to look words up in: the matrix stays where it is, the words become strings.

        Raises:
            DataError: words that are damaged, or come twice.
        """
        try:
            words = Vocabulary.of_packed(self.arrays[_BYTES], self.arrays[_OFFSETS])
        except ValueError as error:
            raise DataError(f"a damaged table ({error})", "word vectors", source=source) from None
        return WordVectors(words, self.arrays[_MATRIX], source, self.repeated, self.form)

    def blocks(self, source: str) -> Iterator[VectorBlock]:
        """Words and rows, some at a time.

        Raises:
            DataError: words that are damaged, or come twice.
        """
        vectors = self.vectors(source)
        for start in range(0, len(vectors.words), _BLOCK):
            yield vectors.words.strings[start : start + _BLOCK], vectors.matrix[start : start + _BLOCK]


def gather(blocks: Iterable[VectorBlock], form: str, keep: Keep | None = None) -> VectorTable:
    """The table of some blocks: the first row of each word.

    Args:
        keep: which rows of a block to keep, by their words; all, if unset.
    """
    words: dict[str, None] = {}
    matrix = np.empty((0, 0), np.float32)
    repeated = 0
    for names, rows in blocks:
        before = len(words)
        fresh = []
        for i in range(len(names)) if keep is None else keep(names):
            if names[i] in words:
                repeated += 1
            else:
                words[names[i]] = None
                fresh.append(i)
        _reserve(matrix, len(words), rows.shape[1])
        matrix[before : len(words)] = rows if len(fresh) == len(rows) else rows[fresh]
    matrix.resize((len(words), matrix.shape[1]), refcheck=False)
    strings = list(words)
    words.clear()  # the hash table is the largest thing here after the matrix
    data, offsets = pack_strings(strings)
    return VectorTable({_MATRIX: matrix, _BYTES: data, _OFFSETS: offsets}, form, repeated)


def _reserve(matrix: NDArray[np.float32], rows: int, dim: int) -> None:
    """Make room for rows in place, an eighth more than needed, so that the numbers never lie in memory twice."""
    if rows > len(matrix) or not matrix.shape[1]:
        matrix.resize((rows + rows // 8, dim), refcheck=False)


def write_table(path: str | os.PathLike[str], table: VectorTable) -> None:
    """Write a table to a file, whole or not at all. The same table gives the same bytes.

    Raises:
        DataError: the file can't be put there.
    """
    facts = {"form": table.form, "format_version": VERSION, "repeated": table.repeated}
    write_tensors(path, table.arrays, json.dumps(facts, separators=(",", ":")), KEY)


def is_table(path: str | os.PathLike[str]) -> bool:
    """Whether a file begins as safetensors does, whole or cut short."""
    try:
        if not Path(path).is_file():
            return False
        with Path(path).open("rb") as file:
            return looks_like_table(file.read(9))
    except OSError:
        return False


def looks_like_table(head: bytes) -> bool:
    """Whether the first bytes of a file are those of safetensors: the length of the header in eight bytes, of which the
    last four are 0, and a header that starts with {."""
    return head[4:9] == b"\0\0\0\0{"


def map_table(path: str | os.PathLike[str]) -> VectorTable:
    """The table in a file, mapped into memory; nothing of the matrix is read before it is used.

    Raises:
        DataError: the file is missing, damaged, no table of vectors, or of another version.
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
        version, form, repeated = facts["format_version"], str(facts["form"]), int(facts["repeated"])
    except (ValueError, TypeError, KeyError):
        raise DataError("a damaged table (its facts)", expected, source=str(path)) from None
    if version != VERSION:
        raise DataError(f"a table of version {version!r}", f"version {VERSION}", source=str(path))
    _check_shapes(arrays, str(path))
    return VectorTable(arrays, form, repeated)


def _check_shapes(arrays: dict[str, NDArray[Any]], source: str) -> None:
    found = {name: (array.dtype.name, array.ndim) for name, array in arrays.items()}
    right = {_MATRIX: ("float32", 2), _BYTES: ("uint8", 1), _OFFSETS: ("int64", 1)}
    if found != right or len(arrays[_OFFSETS]) != len(arrays[_MATRIX]) + 1 or not arrays[_MATRIX].size:
        shapes = ", ".join(f"{name} {array.dtype}{list(array.shape)}" for name, array in arrays.items())
        expected = f"{_MATRIX} float32[words, dim], {_BYTES} uint8[·] and {_OFFSETS} int64[words + 1]"
        raise DataError(f"a damaged table ({shapes})", expected, source=source)
