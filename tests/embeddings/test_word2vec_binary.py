from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tagsmith.embeddings.text_rows import ByteStream
from tagsmith.embeddings.word2vec_binary import read_word2vec_binary
from tagsmith.errors import DataError
from tests.support.vector_files import check_content, error_of, load, write

ROWS = {"</s>": [0.0, -1.5, 0.25], "the": [1.0, 2.0, 3.0], "7": [-4.0, 5.5, 1e-3]}


def binary(rows: dict[str, list[float]], end: bytes = b"", header: bytes = b"") -> bytes:
    """The layout of word2vec.c (``end`` a line feed) and of gensim (``end`` empty)."""
    dim = len(next(iter(rows.values())))
    header = header or b"%d %d\n" % (len(rows), dim)
    return header + b"".join(word.encode() + b" " + struct.pack(f"<{dim}f", *row) + end for word, row in rows.items())


def fault(folder: Path, content: bytes, format: str | None = None) -> DataError:
    return error_of(write(folder, content), format)


@pytest.mark.parametrize("end", [b"\n", b""], ids=["word2vec.c", "gensim"])
def test_words_and_numbers_come_in_the_order_of_the_file(tmp_path: Path, end: bytes):
    vectors = load(tmp_path, binary(ROWS, end))
    check_content(vectors, ROWS)
    assert (vectors.format, vectors.repeated) == ("word2vec-binary", 0)


def test_gzip_is_read_the_same(tmp_path: Path):
    check_content(load(tmp_path, gzip.compress(binary(ROWS))), ROWS)


@pytest.mark.parametrize("number", [b"\n\n\n\n", b"\n   ", b"    ", b"1\n2 ", b"\x00\x00\n\x3f"], ids=repr)
@pytest.mark.parametrize("end", [b"\n", b""])
def test_numbers_may_hold_the_bytes_of_spaces_and_line_feeds(tmp_path: Path, number: bytes, end: bytes):
    (value,) = struct.unpack("<f", number)
    rows = {"a": [value, value, 1.0], "b": [2.0, value, value]}
    check_content(load(tmp_path, binary(rows, end), "word2vec-binary"), rows)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.integers(1, 4).flatmap(
        lambda dim: st.dictionaries(
            st.text(st.characters(codec="utf-8", exclude_characters=" \n\0"), min_size=1, max_size=4),
            st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=dim, max_size=dim),
            min_size=1,
            max_size=5,
        )
    ),
    st.sampled_from([b"", b"\n"]),
)
def test_any_table_comes_back(tmp_path: Path, rows: dict[str, list[float]], end: bytes):
    check_content(load(tmp_path, binary(rows, end), "word2vec-binary"), rows)


@pytest.mark.parametrize("end", [b"\n", b""])
def test_rows_across_the_pieces_a_file_is_read_in_come_back(tmp_path: Path, end: bytes):
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(6_000, 100)).astype(np.float32)  # 2.4 MB
    rows = {f"w{'x' * (i % 7)}{i}": row.tolist() for i, row in enumerate(matrix)}
    check_content(load(tmp_path, binary(rows, end)), rows)


@given(st.integers(1, 40), st.sampled_from([b"", b"\n"]))
def test_the_rows_are_the_same_however_the_file_is_cut_into_chunks(size: int, end: bytes):
    whole = binary(ROWS, end)
    chunks = [whole[:4], *(whole[start : start + size] for start in range(4, len(whole), size))]
    blocks = list(read_word2vec_binary(ByteStream(iter(chunks), "v.bin")))
    assert [word for words, _ in blocks for word in words] == list(ROWS)
    np.testing.assert_array_equal(np.concatenate([rows for _, rows in blocks]), np.array([*ROWS.values()], np.float32))


@pytest.mark.parametrize("row", [0, 2_500, 2_621, 2_622, 5_999])
def test_a_fault_far_away_names_its_byte(tmp_path: Path, row: int):
    rows = {f"w{i:04}": [0.5] * 100 for i in range(6_000)}  # 406 bytes a row
    rows[f"w{row:04}"] = [0.5] * 99 + [float("inf")]
    whole = binary(rows)
    byte = whole.index(struct.pack("<f", float("inf")))
    assert byte == len(b"6000 100\n") + 406 * (row + 1) - 4
    assert fault(tmp_path, whole).found == f"the number inf at byte {byte:,}, in the row of 'w{row:04}'"
    assert fault(tmp_path, whole[: byte + 3]).found.startswith(f"the end of the file at byte {byte + 3:,}, in row")


def test_the_first_row_of_a_repeated_word_counts(tmp_path: Path):
    row = struct.pack("<2f", 1, 2)
    vectors = load(tmp_path, b"3 2\na " + row + b"a " + struct.pack("<2f", 3, 4) + b"b " + row)
    check_content(vectors, {"a": [1, 2], "b": [1, 2]})
    assert vectors.repeated == 1


@pytest.mark.parametrize("end", [b"\n", b""])
def test_every_cut_is_an_error_that_names_the_byte(tmp_path: Path, end: bytes):
    whole = binary(ROWS, end)
    for length in range(5, len(whole) - len(end)):
        error = fault(tmp_path, whole[:length], "word2vec-binary")
        assert error.found.startswith(f"the end of the file at byte {length}, in row ")
        assert error.expected == "3 rows of a word and 3 numbers, as the header says"


@pytest.mark.parametrize("more", [b"x", b"\n\n", b"\nx", b" ", b"\0", b"word \0\0\0\0"], ids=repr)
def test_bytes_after_the_last_row_are_an_error_that_names_the_byte(tmp_path: Path, more: bytes):
    whole = binary(ROWS)
    error = fault(tmp_path, whole + more, "word2vec-binary")
    assert error.found == f"more bytes at byte {len(whole)}"


def test_more_bytes_in_the_next_piece_of_the_file_are_found(tmp_path: Path):
    rows = {f"{i:05}": [1.0] * 61 for i in range(4161)}
    pad = (1 << 20) - len(binary(rows))
    whole = binary(rows, header=b"4161 61" + b" " * pad + b"\n")
    assert len(whole) == 1 << 20
    assert len(load(tmp_path, whole).words) == len(load(tmp_path, whole + b"\n").words) == 4161
    assert fault(tmp_path, whole + b"x").found == f"more bytes at byte {1 << 20:,}"
    assert fault(tmp_path, whole + b"\nx").found == f"more bytes at byte {1 << 20:,}"


@pytest.mark.parametrize("wrong", [b"3 2\n", b"3 4\n", b"2 3\n", b"4 3\n"], ids=repr)
@pytest.mark.parametrize("end", [b"\n", b""])
def test_a_header_that_contradicts_the_rows_is_an_error(tmp_path: Path, wrong: bytes, end: bytes):
    fault(tmp_path, binary(ROWS, end, wrong), "word2vec-binary")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_is_not_finite_is_an_error_that_names_byte_and_word(tmp_path: Path, value: float):
    whole = binary({**ROWS, "of": [1.0, value, 2.0]})
    error = fault(tmp_path, whole)
    byte = len(whole) - 8
    assert np.frombuffer(whole[byte : byte + 4], "<f4").tolist() == pytest.approx([value], nan_ok=True)
    assert error.found == f"the number {value} at byte {byte}, in the row of 'of'"


@pytest.mark.parametrize("word", [b"", b"caf\xe9", b"a\nb", b"a\0b"], ids=repr)
def test_a_word_that_is_none_is_an_error_that_names_the_byte(tmp_path: Path, word: bytes):
    row = struct.pack("<2f", 1, 2)
    error = fault(tmp_path, b"2 2\nthe " + row + word + b" " + row, "word2vec-binary")
    assert error.found == f"{word!r} at byte 16"


def test_a_word_without_end_is_an_error(tmp_path: Path):
    error = fault(tmp_path, b"2 2\nthe " + struct.pack("<2f", 1, 2) + b"x" * 20_000)
    assert error.found == "no space in 10,000 bytes from byte 16"


@pytest.mark.parametrize("content", [b"the 1 2\n", b"\0\0\0", b"3 -3\n", b"1 70000\na \0\0\0\0"], ids=repr)
def test_without_a_header_the_form_is_an_error_when_forced(tmp_path: Path, content: bytes):
    error = fault(tmp_path, content, "word2vec-binary")
    assert error.line == 1
    assert "a header" in error.expected
