"""Comparison of files with their entries in the registry: by SHA-256, or else by counts."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from tagsmith.corpora.reading import read_with_malformed
from tagsmith.corpora.registry import CorpusEntry, DataSet, VectorsEntry
from tagsmith.embeddings.reading import read_blocks
from tagsmith.files import read_chunks
from tagsmith.schemes import sentence_spans


@dataclass(frozen=True)
class EntryCheck:
    """A file compared with its entry in the registry."""

    key: str
    """The split, or the key of the file of word vectors."""
    path: Path
    same_bytes: bool
    counts: dict[str, tuple[int, int]]
    """Found and expected, by what is counted. Empty if the bytes are the same."""

    @property
    def is_right(self) -> bool:
        """True if the bytes are the same, or else all counts."""
        return self.same_bytes or all(found == expected for found, expected in self.counts.values())


def check(entry: DataSet, key: str, path: str | os.PathLike[str]) -> EntryCheck:
    """Compare a file with its entry by SHA-256, and by counts if that differs or is unknown.

    Raises:
        DataError: the file can't be read, or not in the format that the registry says.
    """
    expected = entry.files[key].sha256
    if expected is not None and sha256_of(path) == expected:
        return EntryCheck(key, Path(path), True, {})
    counts = _count_sentences(entry, key, path) if isinstance(entry, CorpusEntry) else _count_words(entry, key, path)
    return EntryCheck(key, Path(path), False, counts)


def sha256_of(*paths: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of the concatenated contents of files; gzip is unpacked.

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
    file = vectors.files[key]
    words, dim = 0, 0
    for strings, rows in read_blocks(path)[1]:
        words, dim = words + len(strings), rows.shape[1]
    return {"words": (words, file.words), "dimension": (dim, file.dim)}
