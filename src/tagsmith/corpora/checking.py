"""Whether a file is the one the registry means: to the byte, or at least by its counts."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from tagsmith.corpora.locating import read_with_malformed
from tagsmith.corpora.registry import CorpusEntry, DataSet, VectorsEntry
from tagsmith.embeddings.reading import read_blocks
from tagsmith.files import read_chunks
from tagsmith.schemes import sentence_spans


@dataclass(frozen=True)
class Finding:
    """What a file is, beside what the registry says of it."""

    key: str
    """The split, or the name of the file of word vectors."""
    path: Path
    same_bytes: bool
    counts: dict[str, tuple[int, int]]
    """By what is counted: how many there are, and how many there should be. Not counted where the bytes are right."""

    @property
    def is_right(self) -> bool:
        """Whether the bytes are right, or else all the counts."""
        return self.same_bytes or all(found == expected for found, expected in self.counts.values())


def check(entry: DataSet, key: str, path: str | os.PathLike[str]) -> Finding:
    """Compare a file with the entry's: by its SHA-256, and by its counts where that differs or isn't known.

    Raises:
        DataError: the file can't be read, or not as what the registry says it is.
    """
    expected = entry.files[key].sha256
    if expected is not None and sha256_of(path) == expected:
        return Finding(key, Path(path), True, {})
    counts = _count_sentences(entry, key, path) if isinstance(entry, CorpusEntry) else _count_words(entry, key, path)
    return Finding(key, Path(path), False, counts)


def sha256_of(*paths: str | os.PathLike[str]) -> str:
    """The SHA-256 of files' content, unpacked if it is gzip, one after another.

    Raises:
        DataError: a file can't be read.
    """
    digest = hashlib.sha256()
    for path in paths:
        for chunk in read_chunks(path):
            digest.update(chunk)
    return digest.hexdigest()


def _count_sentences(corpus: CorpusEntry, key: str, path: str | os.PathLike[str]) -> dict[str, tuple[int, int]]:
    file = corpus.files[key]
    sentences, malformed = read_with_malformed(corpus, path)
    counts = {
        "sentences": (len(sentences), file.sentences),
        "tokens": (sum(map(len, sentences)), file.tokens),
        "malformed lines": (len(malformed), file.malformed),
    }
    if file.spans is not None:
        counts["spans"] = (sum(len(sentence_spans(sentence)) for sentence in sentences), file.spans)
    return counts


def _count_words(vectors: VectorsEntry, key: str, path: str | os.PathLike[str]) -> dict[str, tuple[int, int]]:
    table = vectors.files[key]
    words, dim = 0, 0
    for strings, rows in read_blocks(path)[1]:
        words, dim = words + len(strings), rows.shape[1]
    return {"words": (words, table.words), "numbers a word": (dim, table.dim)}
