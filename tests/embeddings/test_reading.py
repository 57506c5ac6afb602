from __future__ import annotations

import gzip
import os
import struct
import threading
from pathlib import Path

import numpy as np
import pytest

from tagsmith.embeddings import load_vectors, read_table
from tagsmith.embeddings.reading import files_of, read_blocks
from tests.support.vector_files import error_of, load, write


@pytest.mark.parametrize("format", [None, "glove"])
def test_blocks_are_those_of_the_file(tmp_path: Path, format: str | None):
    detected, blocks = read_blocks(write(tmp_path, "a 1 2\nb 3 4\n"), format)
    ((words, rows),) = blocks
    assert (detected, words, rows.tolist()) == ("glove", ["a", "b"], [[1, 2], [3, 4]])


def test_rows_are_selected_while_a_file_is_read(tmp_path: Path):
    path = write(tmp_path, "a 1\nb 2\nc 3\n")
    table = read_table(path, keep=lambda words: [i for i, word in enumerate(words) if word != "b"])
    assert table.vectors("").words.strings == ["a", "c"]
    assert not list(Path(os.environ["TAGSMITH_CACHE"]).rglob("*"))


def test_the_files_of_a_format(tmp_path: Path):
    (tmp_path / "words.lst").write_text("a\n")
    (tmp_path / "embeddings.txt").write_text("1\n")
    pair = (tmp_path / "words.lst", tmp_path / "embeddings.txt")
    assert files_of(tmp_path) == files_of(pair[1]) == files_of(pair[0], "senna") == pair
    assert files_of(pair[1], "glove") == pair[1:]


def test_gzip_is_unpacked(tmp_path: Path):
    assert load(tmp_path, gzip.compress(b"the 1 2\n")).matrix.tolist() == [[1, 2]]


@pytest.mark.parametrize("content", [b"", gzip.compress(b"", mtime=0)])
def test_an_empty_file_is_an_error(tmp_path: Path, content: bytes):
    path = write(tmp_path, content)
    assert str(error_of(path)) == f"{path}: found an empty file; expected word vectors"


def test_a_file_cut_short_inside_gzip_is_an_error(tmp_path: Path):
    path = write(tmp_path, gzip.compress(b"the 0.1 -0.2 0.3\n" * 300)[:-20])
    assert "a broken gzip file" in error_of(path).found


def test_progress_is_in_bytes_on_disk(tmp_path: Path):
    rng = np.random.default_rng(0)
    content = b"".join(
        b"w%d %s\n" % (i, b" ".join(b"%f" % x for x in row)) for i, row in enumerate(rng.random((2000, 200)))
    )
    for packed in (content, gzip.compress(content)):
        (tmp_path / "v").write_bytes(packed)
        seen: list[tuple[int, int]] = []
        load_vectors(tmp_path / "v", watch=lambda done, size, seen=seen: seen.append((done, size)))
        assert len(seen) == 4
        assert {size for _, size in seen} == {len(packed)}
        assert seen[-1][0] == len(packed)
        assert seen == sorted(seen)


@pytest.mark.parametrize("content", [b"the 1 2\n", b"1 2\nthe 1 2\n", b"1 2\nthe " + struct.pack("<2f", 1, 2)])
def test_a_pipe_is_read_once_and_leaves_no_copy(tmp_path: Path, content: bytes):
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(content,))
    writer.start()
    vectors = load_vectors(tmp_path / "pipe", watch=lambda done, size: pytest.fail("nobody knows a pipe's size"))
    writer.join()
    assert (vectors.words.strings, vectors.matrix.tolist()) == (["the"], [[1, 2]])
    assert not list(Path(os.environ["TAGSMITH_CACHE"]).rglob("*.safetensors"))


@pytest.mark.parametrize("name", ["x" * 300, "none.txt", "none/words.lst", "words.lst", "embeddings.txt.gz"])
@pytest.mark.parametrize("format", [None, "senna", "glove"])
def test_a_missing_file_is_an_error(tmp_path: Path, name: str, format: str | None):
    assert error_of(tmp_path / name, format).found == "no such file"
