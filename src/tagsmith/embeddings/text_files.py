"""Vectors as text: a word and its numbers on each line (GloVe), under a line of sizes or not (word2vec, fastText)."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from tagsmith.embeddings.vector_table import VectorBlock
from tagsmith.errors import DataError

BOM = b"\xef\xbb\xbf"
_LONGEST = 1 << 24  # bytes in a line
_WIDEST = 65_536  # numbers in a row
_TRAILING = b" \r"


def read_glove(chunks: Iterable[bytes], source: str) -> Iterator[VectorBlock]:
    """Words and rows of GloVe text: a word and its numbers on each line, single spaces between them.

    The first line says how wide a row is; its word holds no space.

    Raises:
        DataError: a row of another width, anything but finite numbers in it, or a word that is not UTF-8.
    """
    dim = 0
    for first, lines in read_lines(chunks, source):
        if not dim:
            dim = lines[0].rstrip(_TRAILING).count(b" ")
            if not dim:
                raise DataError(_shown(lines[0]), "a word and its numbers", source=source, line=1)
        yield parse_rows(lines, dim, source, first, f"a word and {dim} numbers, as on line 1")


def read_word2vec(chunks: Iterable[bytes], source: str) -> Iterator[VectorBlock]:
    """Words and rows of word2vec text, which is also fastText's .vec: GloVe text under a line "count width".

    Raises:
        DataError: no such line, other rows than it says, anything but finite numbers, or a word that is not UTF-8.
    """
    blocks = read_lines(chunks, source)
    _, lines = next(blocks, (1, [b""]))
    header = _shown(lines[0])
    missing, dim = check_header(lines[0], source)
    line = 2
    for _, rows in itertools.chain([(2, lines[1:])], blocks):
        if rows[:missing]:
            yield parse_rows(rows[:missing], dim, source, line, f"a word and {dim} numbers, as line 1 is {header}")
        if len(rows) > missing:
            found = f"one more line, {_shown(rows[missing])}"
            expected = f"the end of the file, as line 1 is {header}"
            raise DataError(found, expected, source=source, line=line + missing)
        missing -= len(rows)
        line += len(rows)
    if missing:
        expected = f"{missing:,} more {'row' if missing == 1 else 'rows'}, as line 1 is {header}"
        raise DataError("the end of the file", expected, source=source, line=line)


def find_header(line: bytes) -> tuple[int, int] | None:
    """The two whole numbers, count and width, that a line consists of; None for any other line."""
    fields = line.removeprefix(BOM).split()
    if len(fields) != 2 or not all(field.isdigit() and len(field) < 16 for field in fields):
        return None
    count, dim = map(int, fields)
    return count, dim


def check_header(line: bytes, source: str) -> tuple[int, int]:
    """Count and width from the first line of a file.

    Raises:
        DataError: the line is no header, or a number in it is 0, or the width too large.
    """
    header = find_header(line)
    if header is None or 0 in header or header[1] > _WIDEST:
        expected = f"a header: how many words, and how wide their vectors are (1 to {_WIDEST:,})"
        raise DataError(_shown(line), expected, source=source, line=1)
    return header


def read_lines(chunks: Iterable[bytes], source: str) -> Iterator[tuple[int, list[bytes]]]:
    """Lines, some at a time and without their line feeds, each time with the number of the first of them."""
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
    """Words and rows of some lines: all numbers in one go, and line by line only to find what is wrong.

    Args:
        first: number of the first of the lines.
        expected: what the error says that a line should be.

    Raises:
        DataError: a line that is not a word and ``dim`` finite numbers, with its number.
    """
    lines = [line.rstrip(_TRAILING) for line in lines]
    pairs = [line.partition(b" ") for line in lines]
    names, rests = [name for name, _, _ in pairs], [rest for _, _, rest in pairs]
    rows = parse_numbers(rests, dim)
    if rows is None:
        # A word may hold spaces (GloVe 840B has "at name@domain.com"), so the numbers are split off from the right.
        names = [line.rsplit(b" ", dim)[0] for line in lines]
        rests = [line[len(name) + 1 :] for line, name in zip(lines, names, strict=True)]
        rows = parse_numbers(rests, dim)
    if rows is None:
        place = next(i for i, rest in enumerate(rests) if parse_numbers([rest], dim) is None)
        found = _shown(lines[place]) + _odd_one(rests[place], dim)
        raise DataError(found, expected, source=source, line=first + place)
    words = decode_words(names, source, first)
    for number, word in enumerate(words, first):
        if not word or " " in word:
            _check_spaces(word, source, number, expected)
    return words, rows


def parse_numbers(rows: list[bytes], dim: int) -> NDArray[np.float32] | None:
    """Rows of ``dim`` finite numbers each, single spaces between them; None if any row is anything else."""
    if not all(rows) or any(b"\r" in row for row in rows):  # loadtxt would pass over them
        return None
    try:
        numbers = np.loadtxt(rows, np.float32, delimiter=" ", comments=None, ndmin=2, encoding="ascii")
    except ValueError:
        return None
    return numbers if numbers.shape == (len(rows), dim) and np.isfinite(numbers).all() else None


def decode_words(names: list[bytes], source: str, first: int) -> list[str]:
    """Words of lines that are numbered from ``first``; a byte order mark at the start of the file is taken off.

    Raises:
        DataError: a word that is empty or not UTF-8.
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


def _check_spaces(word: str, source: str, line: int, expected: str) -> None:
    """A word may hold spaces, but not at its edges, and not before a number that would be one too many."""
    *_, tail = word.split(" ")
    if not tail or word.startswith(" ") or parse_numbers([tail.encode()], 1) is not None:
        raise DataError(f"the word {word!r} before the numbers", expected, source=source, line=line)


def _odd_one(rest: bytes, dim: int) -> str:
    """Which field is no number, for an error; nothing if that is plain to see, or the fields are too few."""
    fields = rest.split(b" ")
    odd = [i for i, field in enumerate(fields) if parse_numbers([field], 1) is None]
    return f", whose number {odd[0] + 1} is {_shown(fields[odd[0]])}" if rest and odd and len(fields) == dim else ""


def _shown(line: bytes) -> str:
    return f"{line[:60].decode(errors='replace').rstrip()!r}"
