from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tagsmith.embeddings import load_vectors
from tagsmith.errors import DataError
from tests.support.vector_files import check_content, error_of, load, write

THREE = b"the 0.1 -0.2 0.3\nof 1 2 3\n<unk> 1e-3 -2.5E+2 .5\n"


@pytest.fixture
def glove(tmp_path: Path) -> Path:
    """A vector file of three words with three numbers each."""
    (tmp_path / "glove.txt").write_bytes(THREE)
    return tmp_path / "glove.txt"


class TestReading:
    def test_words_and_numbers_come_in_the_order_of_the_file(self, glove: Path):
        vectors = load_vectors(glove)
        assert vectors.words.strings == ["the", "of", "<unk>"]
        assert vectors.matrix.dtype == np.float32
        np.testing.assert_array_equal(
            vectors.matrix, np.array([[0.1, -0.2, 0.3], [1, 2, 3], [0.001, -250, 0.5]], np.float32)
        )
        assert (vectors.source, vectors.repeated) == (str(glove), 0)

    @pytest.mark.parametrize("dim", [1, 2, 25, 300])
    def test_the_width_is_read_from_the_file(self, tmp_path: Path, dim: int):
        row = " ".join(["0.5"] * dim)
        assert load_vectors(write(tmp_path, f"a {row}\nb {row}\n")).dim == dim

    @pytest.mark.parametrize("word", [". . .", "5 at", "a  b"])
    def test_a_word_may_hold_spaces(self, tmp_path: Path, word: str):
        vectors = load_vectors(write(tmp_path, f"the 1 2 3\n{word} 4 5 6\nof 7 8 9\n"))
        assert vectors.words.strings == ["the", word, "of"]
        assert vectors.matrix.tolist() == [[1, 2, 3], [4, 5, 6], [7, 8, 9]]

    @pytest.mark.parametrize("word", ["at 5", "5 6 7", "at ", " at", " ", ""])
    def test_a_word_that_may_be_a_row_of_another_width_is_an_error(self, tmp_path: Path, word: str):
        with pytest.raises(DataError, match="a word and 3 numbers, as on line 1") as caught:
            load_vectors(write(tmp_path, f"the 1 2 3\n{word} 4 5 6\n"))
        assert caught.value.line == 2

    def test_a_byte_order_mark_is_no_part_of_the_first_word(self, tmp_path: Path):
        assert load_vectors(write(tmp_path, "\ufeffthe 1 2\n")).words.strings == ["the"]

    def test_only_spaces_part_fields(self, tmp_path: Path):
        vectors = load_vectors(write(tmp_path, "a\u00a0b 1 2\nc\u2028d 3 4\ne\x0cf 5 6\n"))
        assert vectors.words.strings == ["a\u00a0b", "c\u2028d", "e\x0cf"]

    @pytest.mark.parametrize("ending", [b"\n", b" \n", b"\r\n", b" \r\n"])
    def test_trailing_spaces_and_crlf_are_no_part_of_the_row(self, tmp_path: Path, ending: bytes):
        vectors = load_vectors(write(tmp_path, THREE.replace(b"\n", ending)))
        assert vectors.words.strings == ["the", "of", "<unk>"]
        assert vectors.dim == 3

    def test_the_last_line_needs_no_line_end(self, tmp_path: Path):
        assert load_vectors(write(tmp_path, THREE.rstrip())).words.strings == ["the", "of", "<unk>"]

    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        st.integers(1, 4).flatmap(
            lambda dim: st.dictionaries(
                st.text("ab .é5", min_size=1, max_size=5).filter(
                    lambda word: not re.search(r"^ | $|( [.5]*5[.5]*)$", word)
                ),
                st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=dim, max_size=dim),
                min_size=1,
                max_size=6,
            )
        )
    )
    def test_any_table_comes_back(self, tmp_path: Path, table: dict[str, list[float]]):
        # A first row that starts with a lone x fixes the width, and no word2vec header starts with x.
        table = {"x": next(iter(table.values())), **table}
        text = "".join(f"{word} {' '.join(map(repr, row))}\n" for word, row in table.items())
        check_content(load(tmp_path, text), table)


class TestErrors:
    @pytest.mark.parametrize(
        "row",
        [
            "of 1 2",
            "of",
            "",
            "of 1 2 x",
            "of 1 2 3,5",
            "of 1 2 nan",
            "of 1 2 inf",
            "of 1 2 -Infinity",
            "of 1 2 1e999",
            "of 1 2 0x10",
            "of 1 2 1_0",
            "of 1 2 ٣",
            "of 1 2 1e",
            "of 1 2 3\0",
            "of 1\t2 3",
            "of 1  2 3",
            "of 1 2 3 x",
            "of 1\r2 3",
            "of 1 \r 3",
            "of \r\r1 2 3",
        ],
        ids=repr,
    )
    def test_a_row_without_its_numbers_is_an_error_with_its_line(self, tmp_path: Path, row: str):
        path = write(tmp_path, f"the 1 2 3\n{row}\nand 1 2 3\n")
        error = error_of(path)
        assert (error.source, error.line, error.expected) == (str(path), 2, "a word and 3 numbers, as on line 1")
        assert row[:4].strip() in error.found

    def test_rows_too_long_and_too_short_do_not_make_up_for_one_another(self, tmp_path: Path):
        path = write(tmp_path, "the 1 2 3\nat 5 1 2 3\nw 1 2 \n")
        assert error_of(path).line == 3

    def test_a_bad_row_far_away_is_an_error_with_its_line(self, tmp_path: Path):
        lines = [f"w{i} {i} {i}" for i in range(20_010)]
        lines[20_004] = "w 1"
        assert error_of(write(tmp_path, "\n".join(lines))).line == 20_005

    def test_a_bad_number_in_the_first_row_is_an_error(self, tmp_path: Path):
        assert error_of(write(tmp_path, "the 1 x\nof 1 2\n")).line == 1

    @pytest.mark.parametrize("word", [b"caf\xe9", b"\xff\xfe", b"a \xe9 b"])
    def test_a_word_that_is_not_utf8_is_an_error_with_its_line(self, tmp_path: Path, word: bytes):
        path = write(tmp_path, b"the 1 2\n" + word + b" 1 2\n")
        error = error_of(path)
        assert (error.source, error.line, error.expected) == (str(path), 2, "a word in UTF-8")

    def test_a_word_that_is_not_utf8_far_away_is_an_error_with_its_line(self, tmp_path: Path):
        lines = [b"w%d 1" % i for i in range(20_010)]
        lines[20_007] = b"\xe9 1"
        assert error_of(write(tmp_path, b"\n".join(lines))).line == 20_008

    @pytest.mark.parametrize("content", ["\n", "the\n", "   \n"])
    def test_a_first_line_without_numbers_is_an_error(self, tmp_path: Path, content: str):
        error = error_of(write(tmp_path, content))
        assert (error.line, error.expected) == (1, "a word and its numbers")
