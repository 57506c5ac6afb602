"""The sentences of a benchmark, in files that every job reads."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from tagsmith import formats
from tagsmith.errors import DataError
from tagsmith.files import read_chunks, replacing
from tagsmith.formats import conll
from tagsmith.schemes import gold_tags
from tagsmith.text import Sentence


def read_spans_file(path: str) -> list[Sentence]:
    """Read sentences with tagged spans, their tags as IOB2.

    Raises:
        DataError: there is no such file, a line is malformed, or there are no sentences or no spans.
    """
    sentences = [sentence for sentence in formats.read(path) if len(sentence)]
    rows = [gold_tags(sentence, "IOB2") for sentence in sentences]
    if not any(tag != "O" for row in rows for tag in row):
        raise DataError("no spans", "sentences with labelled spans", source=path)
    return [Sentence(sentence.tokens, row) for sentence, row in zip(sentences, rows, strict=True)]


def write_columns(sentences: Iterable[Sentence], path: Path) -> str:
    """Write sentences in the columns that ``runner`` reads, and return the path."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        conll.write(sentences, file)
    return str(path)


def digest(*paths: str, extra: str = "") -> str:
    """Return a short name for the content of some files and an extra text."""
    sha256 = hashlib.sha256(extra.encode())
    for path in paths:
        for chunk in read_chunks(path):
            sha256.update(chunk)
    return sha256.hexdigest()[:12]


def cut_to_length(sentences: Sequence[Sentence], length: int, tokens: int) -> list[Sentence]:
    """Cut the running text into sentences of exactly ``length`` tokens, at least one and at most ``tokens`` in all.

    A text shorter than one such sentence is repeated. Every tag is O, as these sentences are not scored.
    """
    text = [token for sentence in sentences for token in sentence.tokens]
    text *= -(-length // len(text))
    last = min(len(text), max(tokens, length)) - length
    return [Sentence(text[start : start + length], ["O"] * length) for start in range(0, last + 1, length)]


def first_tokens(sentences: Sequence[Sentence], tokens: int) -> list[Sentence]:
    """Return the first sentences that hold at least ``tokens`` tokens, or all."""
    first, count = [], 0
    for sentence in sentences:
        if count >= tokens:
            break
        first.append(sentence)
        count += len(sentence)
    return first


def repeat(sentences: Sequence[Sentence], tokens: int) -> list[Sentence]:
    """Repeat the sentences until they hold at least ``tokens`` tokens."""
    return list(sentences) * -(-tokens // count_tokens(sentences))


def count_tokens(sentences: Iterable[Sentence]) -> int:
    """Return the number of tokens."""
    return sum(map(len, sentences))
