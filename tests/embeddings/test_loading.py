from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from tagsmith.embeddings import load_vectors
from tagsmith.tensors import write_tensors
from tests.support.vector_files import error_of, write

FACTS = '{"form":"glove","format_version":1,"repeated":0}'
THREE = b"the 0.1 -0.2 0.3\nof 1 2 3\n<unk> 1e-3 -2.5E+2 .5\n"


@pytest.fixture
def glove(tmp_path: Path) -> Path:
    """A vector file of three words with three numbers each."""
    (tmp_path / "glove.txt").write_bytes(THREE)
    return tmp_path / "glove.txt"


def copies() -> list[Path]:
    """The files in the cache folder."""
    return [path for path in Path(os.environ["TAGSMITH_CACHE"]).rglob("*") if path.is_file()]


def rewrite_unnoticed(path: Path, content: bytes) -> None:
    """Change a file's content but neither its size nor its time."""
    before = path.stat()
    assert len(content) == before.st_size
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_the_table_is_mapped_and_read_only_from_the_first_load_on(glove: Path):
    for _ in range(2):
        matrix = load_vectors(glove).matrix
        assert isinstance(matrix.base, np.memmap)
        assert not matrix.flags.writeable


def test_the_second_load_does_not_read_the_text(glove: Path):
    first = load_vectors(glove)
    rewrite_unnoticed(glove, THREE.replace(b"of 1 2 3", b"not read"))
    second = load_vectors(glove)
    assert second.words.strings == first.words.strings
    np.testing.assert_array_equal(second.matrix, first.matrix)
    assert len(copies()) == 1


def test_repeated_words_are_remembered(tmp_path: Path):
    path = write(tmp_path, "a 1\na 2\na 3\n")
    assert [load_vectors(path).repeated for _ in range(2)] == [2, 2]


def test_a_file_of_another_time_is_read_again(glove: Path):
    load_vectors(glove)
    state = glove.stat()
    glove.write_bytes(THREE.replace(b"of 1", b"of 9"))
    os.utime(glove, ns=(state.st_atime_ns, state.st_mtime_ns + 1))
    assert load_vectors(glove).matrix[1].tolist() == [9, 2, 3]


def test_a_file_of_another_size_is_read_again(glove: Path):
    load_vectors(glove)
    state = glove.stat()
    glove.write_bytes(THREE + b"more 7 8 9\n")
    os.utime(glove, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert load_vectors(glove).words.strings[-1] == "more"


def test_the_same_bytes_elsewhere_have_a_copy_of_their_own(glove: Path, tmp_path: Path):
    load_vectors(glove)
    load_vectors(write(tmp_path, THREE))
    assert len(copies()) == 2


def test_a_link_to_the_file_shares_its_copy(glove: Path, tmp_path: Path):
    load_vectors(glove)
    (tmp_path / "link.txt").symlink_to(glove)
    load_vectors(tmp_path / "link.txt")
    assert len(copies()) == 1


@pytest.mark.parametrize("content", [b"", b"garbage", b"\0" * 200])
def test_a_damaged_copy_is_written_again(glove: Path, content: bytes):
    load_vectors(glove)
    (copy,) = copies()
    whole = copy.read_bytes()
    copy.write_bytes(content)
    assert load_vectors(glove).words.strings == ["the", "of", "<unk>"]
    assert copy.read_bytes() == whole


def test_a_copy_cut_short_anywhere_is_written_again(glove: Path):
    load_vectors(glove)
    (copy,) = copies()
    whole = copy.read_bytes()
    for length in range(0, len(whole), 7):
        copy.write_bytes(whole[:length])
        assert load_vectors(glove).matrix[1].tolist() == [1, 2, 3]
        assert copy.read_bytes() == whole


@pytest.mark.parametrize("lost", ["matrix", "words.bytes", "words.offsets"])
def test_a_copy_that_lacks_an_array_is_written_again(glove: Path, lost: str):
    load_vectors(glove)
    (copy,) = copies()
    arrays = {
        "matrix": np.zeros((1, 3), np.float32),
        "words.bytes": np.frombuffer(b"a", np.uint8),
        "words.offsets": np.array([0, 1]),
    }
    del arrays[lost]
    write_tensors(copy, arrays, FACTS, "tagsmith.vectors")
    assert load_vectors(glove).words.strings == ["the", "of", "<unk>"]


def test_a_copy_with_more_words_than_rows_is_written_again(glove: Path):
    load_vectors(glove)
    (copy,) = copies()
    arrays = {
        "matrix": np.zeros((1, 3), np.float32),
        "words.bytes": np.frombuffer(b"ab", np.uint8),
        "words.offsets": np.array([0, 1, 2]),
    }
    write_tensors(copy, arrays, FACTS, "tagsmith.vectors")
    assert load_vectors(glove).words.strings == ["the", "of", "<unk>"]


@pytest.mark.parametrize("place", ["a_file", "a_file/inside", "x" * 300])
def test_where_no_copy_can_be_kept_the_table_is_read_all_the_same(
    glove: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
):
    (tmp_path / "a_file").write_text("in the way")
    monkeypatch.setenv("TAGSMITH_CACHE", str(tmp_path / place))
    for _ in range(2):
        assert load_vectors(glove).matrix[1].tolist() == [1, 2, 3]
    assert (tmp_path / "a_file").read_text() == "in the way"


@pytest.mark.skipif(sys.platform != "linux", reason="XDG_CACHE_HOME is Linux's way to name the folder")
def test_without_the_variable_the_copy_goes_into_the_users_cache_folder(
    glove: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("TAGSMITH_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    load_vectors(glove)
    assert len(list((tmp_path / "home" / "tagsmith" / "vectors").iterdir())) == 1


def test_a_file_with_an_error_leaves_no_copy(tmp_path: Path):
    error_of(write(tmp_path, "the 1 2\nof 1\n"))
    assert copies() == []


def test_the_forced_form_and_the_recognised_one_do_not_share_a_copy(tmp_path: Path):
    (tmp_path / "v").write_bytes(b"1 1\nthe 5\n")
    for _ in range(2):
        assert load_vectors(tmp_path / "v").words.strings == ["the"]
        assert load_vectors(tmp_path / "v", "glove").words.strings == ["1", "the"]
