"""Pretrained word vectors: read once, kept in a form that maps into memory, and a report of what they cover."""

from __future__ import annotations

import gzip
import hashlib
import itertools
import os
import warnings
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import platformdirs
from numpy.typing import NDArray

from tagsmith.errors import DataError
from tagsmith.files import check_readable, open_bytes
from tagsmith.tensors import map_tensors, pack_strings, unpack_strings, write_tensors
from tagsmith.vocab import Match, Vocabulary

_BLOCK = 20_000  # lines turned into numbers at a time
_CACHE_KEY = "tagsmith.vectors"
_CACHE_VERSION = "1"


@dataclass(frozen=True)
class Vectors:
    """A table of word vectors. Shape: matrix [words, dim], float32."""

    words: Vocabulary
    matrix: NDArray[np.float32]
    source: str = ""
    repeated: int = 0
    """Rows left out because their word came before; the first row of a word counts."""

    @property
    def dim(self) -> int:
        """Width of a vector."""
        return self.matrix.shape[1]

    def coverage(self, words: Iterable[str], normalise: Callable[[str], str] = str) -> Coverage:
        """How many of these distinct words have a vector, and in which form it stands in the table.

        Args:
            normalise: what is done to a word before it is looked up.
        """
        forms = Counter(self._form(word, normalise(word)) for word in set(words))
        return Coverage(forms["exact"], forms["lower-cased"], forms["digits zeroed"], forms["absent"])

    def _form(self, word: str, normalised: str) -> Match | Literal["absent"]:
        found = self.words.find(normalised)
        if found is None:
            return "absent"
        entry = self.words.strings[found[0]]
        return "exact" if entry == word else "lower-cased" if entry == word.lower() else "digits zeroed"


@dataclass(frozen=True)
class Coverage:
    """Distinct words by the form in which a vector table has them."""

    exact: int
    lowered: int
    zeroed: int
    absent: int

    def __str__(self) -> str:
        total = self.exact + self.lowered + self.zeroed + self.absent
        parts: list[tuple[Match | str, int]] = [
            ("exact", self.exact),
            ("lower-cased", self.lowered),
            ("digits zeroed", self.zeroed),
            ("absent", self.absent),
        ]
        figures = ", ".join(f"{count:,} {name} ({100 * count / max(total, 1):.1f} %)" for name, count in parts)
        return f"{total:,} words of the training data: {figures}"


def load_vectors(path: str | os.PathLike[str]) -> Vectors:
    """The vectors of a GloVe text file, plain or gzip; the width is read from the file.

    The first load leaves a copy in the user's cache folder (or in the folder named by ``TAGSMITH_CACHE``) that
    later loads map into memory. The copy counts as long as the file's path, size and time of change stay.

    Raises:
        DataError: the file is missing, empty, or a row of it has another width, no number, or no UTF-8 word.
    """
    source = str(path)
    check_readable(path, "a file of word vectors")
    cache = _cache_path(Path(path))
    try:
        return _from_arrays(map_tensors(cache, _CACHE_KEY)[0], source)
    except (OSError, DataError, KeyError, ValueError, IndexError):
        pass  # there is no copy, or a damaged one: it is made anew
    words, matrix, repeated = _read_text(source)
    data, offsets = pack_strings(words)
    arrays: dict[str, NDArray[Any]] = {
        "matrix": matrix,
        "words.bytes": data,
        "words.offsets": offsets,
        "repeated": np.array([repeated], np.int64),
    }
    try:
        cache.parent.mkdir(parents=True, exist_ok=True)
        write_tensors(cache, arrays, _CACHE_VERSION, _CACHE_KEY)
        arrays = map_tensors(cache, _CACHE_KEY)[0]
    except (OSError, DataError):
        pass  # no place for a copy: the table in memory serves as well
    return _from_arrays(arrays, source)


def _from_arrays(arrays: dict[str, NDArray[Any]], source: str) -> Vectors:
    words = Vocabulary(unpack_strings(arrays["words.bytes"], arrays["words.offsets"]))
    if len(words) != len(arrays["matrix"]):
        raise ValueError("words and rows differ in number")
    return Vectors(words, arrays["matrix"], source, int(arrays["repeated"][0]))


def _cache_path(path: Path) -> Path:
    folder = os.environ.get("TAGSMITH_CACHE") or platformdirs.user_cache_path("tagsmith")
    state = path.stat()
    identity = f"{_CACHE_VERSION}|{path.resolve()}|{state.st_size}|{state.st_mtime_ns}"
    return Path(folder) / "vectors" / f"{hashlib.sha256(identity.encode()).hexdigest()[:32]}.safetensors"


def _read_text(source: str) -> tuple[list[str], NDArray[np.float32], int]:
    words: dict[str, None] = {}
    rows: list[NDArray[np.float32]] = []
    repeated = dim = 0
    first = 1
    for lines in _blocks(source):
        dim = dim or _width(lines[0], source)
        block_words, block = _parse(lines, dim, source, first)
        fresh = []
        for i, word in enumerate(block_words):
            if word not in words:
                words[word] = None
                fresh.append(i)
        repeated += len(block_words) - len(fresh)
        rows.append(block if len(fresh) == len(block) else block[fresh])
        first += len(lines)
    if not rows:
        raise DataError("an empty file", "word vectors", source=source)
    return list(words), np.concatenate(rows), repeated


def _blocks(source: str) -> Iterator[list[bytes]]:
    with open_bytes(source) as file:
        try:
            while lines := list(itertools.islice(file, _BLOCK)):
                yield lines
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise DataError(f"a broken gzip file ({error})", "a whole one", source=source) from None


def _width(line: bytes, source: str) -> int:
    fields = line.split()
    if len(fields) == 2 and all(field.isdigit() for field in fields):
        expected = "GloVe text, which starts with its first word (word2vec text starts with a line of sizes)"
        raise DataError(f"a header {line.decode(errors='replace').strip()!r}", expected, source=source, line=1)
    if len(fields) < 2:
        raise DataError(f"{len(fields)} fields", "a word and its numbers", source=source, line=1)
    return len(fields) - 1


def _parse(lines: list[bytes], dim: int, source: str, first: int) -> tuple[list[str], NDArray[np.float32]]:
    """Words and rows of some lines: all numbers in one go, and line by line only to find what is wrong."""
    # A word may hold spaces (GloVe 840B has ". . ."), so the numbers are split off from the right.
    pairs = [line.rstrip(b" \r\n").partition(b" ") for line in lines]
    numbers = _numbers(b" ".join(rest for _, _, rest in pairs))
    whole = all(rest.count(b" ") == dim - 1 for _, _, rest in pairs)
    if whole and numbers is not None and len(numbers) == len(lines) * dim:
        return _words([word for word, _, _ in pairs], source, first), numbers.reshape(-1, dim)
    names, rows = [], []
    for number, line in enumerate(lines, first):
        fields = line.rstrip(b" \r\n").rsplit(b" ", dim)
        row = _numbers(b" ".join(fields[1:]))
        if len(fields) != dim + 1 or row is None or len(row) != dim:
            found = f"{line[:60].decode(errors='replace').rstrip()!r}"
            raise DataError(found, f"a word and {dim} numbers", source=source, line=number)
        names.append(fields[0])
        rows.append(row)
    return _words(names, source, first), np.array(rows, np.float32)


def _words(names: list[bytes], source: str, first: int) -> list[str]:
    words = []
    for number, name in enumerate(names, first):
        try:
            words.append(name.removeprefix(b"\xef\xbb\xbf" if number == 1 else b"").decode("utf-8"))
        except UnicodeDecodeError:
            raise DataError(f"{name!r}", "a word in UTF-8", source=source, line=number) from None
        # A word may hold spaces, but not at its edges, and not before a number that would be one too many.
        if b" " in name or not name:
            *_, tail = name.split(b" ")
            if not tail or name.startswith(b" ") or _numbers(tail) is not None:
                expected = "a word, single spaces, and as many numbers as on line 1"
                raise DataError(f"the word {name.decode()!r} before the numbers", expected, source=source, line=number)
    return words


def _numbers(text: bytes) -> NDArray[np.float32] | None:
    """The finite numbers of a text, or None if anything else is in it."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)  # NumPy's way to say that it stopped early
        try:
            numbers = np.fromstring(text.decode("ascii"), np.float32, sep=" ")
        except (DeprecationWarning, ValueError):
            return None
    return numbers if np.isfinite(numbers).all() else None
