from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagsmith.embeddings.text_rows import decode_words, parse_numbers, parse_rows, read_lines
from tagsmith.errors import DataError
from tests.support.vector_files import error_of


@given(st.lists(st.binary(max_size=6), max_size=8))
def test_lines_are_the_same_however_the_file_is_cut_into_chunks(chunks: list[bytes]):
    numbered = [(first + i, line) for first, lines in read_lines(chunks, "file") for i, line in enumerate(lines)]
    lines = b"".join(chunks).split(b"\n")
    assert numbered == list(enumerate(lines if lines[-1] else lines[:-1], 1))


def test_a_line_without_end_is_an_error(tmp_path: Path):
    with (tmp_path / "zeros").open("wb") as file:
        file.truncate(20 << 20)
    assert error_of(tmp_path / "zeros").found == "a line of more than 16,777,216 bytes"


@given(
    st.lists(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=3, max_size=3), min_size=1)
)
def test_numbers_come_back_as_float32(rows: list[list[float]]):
    parsed = parse_numbers([" ".join(map(repr, row)).encode() for row in rows], 3)
    np.testing.assert_array_equal(parsed, np.array(rows, np.float32))


@pytest.mark.parametrize("row", [b"", b"1", b"1 2 3", b"1 nan", b"inf 1", b"1 x", b"1  2", b"1\r 2", b" 1 2", b"1 2 "])
def test_a_row_of_anything_else_is_none(row: bytes):
    assert parse_numbers([b"1 2"], 2) is not None
    assert parse_numbers([b"1 2", row], 2) is None


def test_one_faulty_row_among_many_is_named():
    with pytest.raises(DataError) as caught:
        parse_rows([b"a 1 2", b"b c 3 4", b"d 5"], 2, "v.txt", 7, "a word and 2 numbers")
    assert str(caught.value) == "v.txt:9: found 'd 5'; expected a word and 2 numbers"


def test_a_byte_order_mark_is_removed_at_the_start_of_the_file_only():
    assert decode_words([b"\xef\xbb\xbfthe", b"of"], "v.txt", 1) == ["the", "of"]
    assert decode_words([b"\xef\xbb\xbfthe"], "v.txt", 2) == ["\ufeffthe"]
