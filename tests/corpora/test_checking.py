from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from tagsmith.corpora import Registry, read_registry
from tagsmith.corpora.checking import check, sha256_of
from tagsmith.errors import DataError
from tests.support.tiny_corpus import TEST, TRAIN, sha256, write_corpus, write_registry

VECTORS = """
[vectors.tiny-vectors]
title = "Tiny vectors"
language = "English"
licence = "CC0-1.0"
shippable = true
homepage = "https://tiny.example/"
citation = "Nobody (2020)"
how = "Write them yourself."

[vectors.tiny-vectors.files.3d]
name = "tiny.3d.txt"
words = 5
dim = 3
"""


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return read_registry(write_registry(tmp_path / "registry.toml", extra=VECTORS))


def test_the_same_bytes(tmp_path: Path, registry: Registry):
    finding = check(registry["tiny"], "train", write_corpus(tmp_path) / "train.txt")
    assert (finding.same_bytes, finding.counts, finding.is_right) == (True, {}, True)


def test_the_same_bytes_in_gzip(tmp_path: Path, registry: Registry):
    (tmp_path / "train.txt.gz").write_bytes(gzip.compress(TRAIN.encode()))
    assert check(registry["tiny"], "train", tmp_path / "train.txt.gz").same_bytes
    assert sha256_of(tmp_path / "train.txt.gz") == sha256(TRAIN)


def test_other_bytes_of_the_same_counts_are_right(tmp_path: Path, registry: Registry):
    (tmp_path / "mine").write_text(TEST.replace("B-", "S-").replace(" ", "\t"), "utf-8")
    finding = check(registry["tiny"], "test", tmp_path / "mine")
    assert not finding.same_bytes
    assert finding.is_right
    assert finding.counts == {"sentences": (1, 1), "tokens": (4, 4), "malformed lines": (0, 0), "spans": (2, 2)}


@pytest.mark.parametrize(
    ("content", "differs"),
    [
        (TEST.replace("is O\n", "is O\n\n"), {"sentences": (2, 1)}),
        (TEST.replace("is O\n", ""), {"tokens": (3, 4)}),
        (TEST.replace("is O\n", "is\n"), {"tokens": (3, 4), "malformed lines": (1, 0)}),
        (TEST.replace("in O", "in I-LOC"), {"spans": (3, 2)}),
        ("-DOCSTART- O\n\n" + TEST.replace("Paris", "Porto"), {}),
    ],
)
def test_what_differs_is_counted(content: str, differs: dict[str, tuple[int, int]], tmp_path: Path, registry: Registry):
    (tmp_path / "mine").write_text(content, "utf-8")
    finding = check(registry["tiny"], "test", tmp_path / "mine")
    assert {name: pair for name, pair in finding.counts.items() if pair[0] != pair[1]} == differs
    assert finding.is_right == (not differs)


def test_plain_tags_in_a_corpus_of_spans(tmp_path: Path, registry: Registry):
    (tmp_path / "mine").write_text("Paris NNP\n", "utf-8")
    with pytest.raises(DataError, match="mine:1: found tag 'NNP'"):
        check(registry["tiny"], "test", tmp_path / "mine")


@pytest.mark.parametrize(("words", "dim"), [(5, 3), (4, 3), (5, 2)])
def test_vectors_are_counted(words: int, dim: int, tmp_path: Path, registry: Registry):
    rows = np.arange(words * dim).reshape(words, dim) / 8
    lines = [f"word{i} {' '.join(map(str, row))}\n" for i, row in enumerate(rows)]
    (tmp_path / "tiny.3d.txt").write_text("".join(lines), "utf-8")
    finding = check(registry["tiny-vectors"], "3d", tmp_path / "tiny.3d.txt")
    assert finding.counts == {"words": (words, 5), "dimension": (dim, 3)}
    assert finding.is_right == ((words, dim) == (5, 3))
