"""Lines of text to words and vectors: the parsing that GloVe, word2vec text and Senna share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tagsmith.embeddings.vector_table import VectorBlock
from tagsmith.errors import DataError

BOM = b"\xef\xbb\xbf"
_LONGEST = 1 << 24  # bytes in a line
_TRAILING = b" \r"


class ByteStream(NamedTuple):
    """The content of a file, unpacked and in chunks, and the name that errors give it."""

    chunks: Iterator[bytes]
    source: str


def read_lines(chunks: Iterable[bytes], source: str) -> Iterator[tuple[int, list[bytes]]]:
    """Yield batches of lines without their line feeds, each with the number of its first line.

    Raises:
        DataError: a line is too long to be a row of text.
    """
    number, rest = 1, b""
    for chunk in chunks:
        lines = (rest + chunk).split(b"\n")
        rest = lines.pop()
        if lines:
            yield number, lines
            number += len(lines)
        if len(rest) > _LONGEST:
            raise DataError(f"a line of more than {_LONGEST:,} bytes", "rows of text", source=source, line=number)
    if rest:
        yield number, [rest]


def parse_rows(lines: list[bytes], dim: int, source: str, first: int, expected: str) -> VectorBlock:
    """Parse lines of a word and its numbers.

    All numbers are parsed at once. Only if that fails are the lines parsed one by one, to find the faulty one.

    Args:
        first: the number of the first line.
        expected: the description of a valid line for the error.

    Raises:
        DataError: a line is not a word and ``dim`` finite numbers; the error has its number.
    """
    lines = [line.rstrip(_TRAILING) for line in lines]
    pairs = [line.partition(b" ") for line in lines]
    names, rests = [name for name, _, _ in pairs], [rest for _, _, rest in pairs]
    rows = parse_numbers(rests, dim)
    if rows is None:
        # A word may contain spaces (GloVe 840B has "at name@domain.com"), so split the numbers off from the right.
        names = [line.rsplit(b" ", dim)[0] for line in lines]
        rests = [line[len(name) + 1 :] for line, name in zip(lines, names, strict=True)]
        rows = parse_numbers(rests, dim)
    if rows is None:
        bad = next(i for i, rest in enumerate(rests) if parse_numbers([rest], dim) is None)
        found = shown(lines[bad]) + _bad_number(rests[bad], dim)
        raise DataError(found, expected, source=source, line=first + bad)
    words = decode_words(names, source, first)
    for number, word in enumerate(words, first):
        if not word or " " in word:
            _check_spaces(word, source, number, expected)
    return words, rows


def parse_numbers(rows: list[bytes], dim: int) -> NDArray[np.float32] | None:
    """Parse rows of ``dim`` finite numbers with single spaces between them; return None if any row is invalid."""
    if not all(rows) or any(b"\r" in row for row in rows):  # loadtxt would skip them
        return None
    try:
        numbers = np.loadtxt(rows, np.float32, delimiter=" ", comments=None, ndmin=2, encoding="ascii")
    except ValueError:
        return None
    return numbers if numbers.shape == (len(rows), dim) and np.isfinite(numbers).all() else None


def decode_words(names: list[bytes], source: str, first: int) -> list[str]:
    """Decode the words of consecutive lines, without a byte order mark at the start of the file.

    Args:
        first: the number of the first line.

    Raises:
        DataError: a word is not UTF-8.
    """
    if first == 1:
        names = [names[0].removeprefix(BOM), *names[1:]]
    words = []
    for number, name in enumerate(names, first):
        try:
            words.append(name.decode("utf-8"))
        except UnicodeDecodeError:
            raise DataError(f"{name!r}", "a word in UTF-8", source=source, line=number) from None
    return words


def shown(line: bytes) -> str:
    """Return the start of a line, quoted for an error."""
    return f"{line[:60].decode(errors='replace').rstrip()!r}"


def _check_spaces(word: str, source: str, line: int, expected: str) -> None:
    """Check that spaces in a word are neither at its edges nor before a number, which would be one number too many."""
    *_, tail = word.split(" ")
    if not tail or word.startswith(" ") or parse_numbers([tail.encode()], 1) is not None:
        raise DataError(f"the word {word!r} before the numbers", expected, source=source, line=line)


def _bad_number(rest: bytes, dim: int) -> str:
    """Name the field that is not a number; return "" if none is, or if the row is too short."""
    fields = rest.split(b" ")
    bad = [i for i, field in enumerate(fields) if parse_numbers([field], 1) is None]
    return f", whose number {bad[0] + 1} is {shown(fields[bad[0]])}" if rest and bad and len(fields) == dim else ""
