"""word2vec's two formats and fastText's text, byte by byte as their programs write them."""

from __future__ import annotations

import gzip
import struct
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tagsmith.embeddings import WordVectors, load_vectors
from tagsmith.errors import DataError

ROWS = {"</s>": [0.0, -1.5, 0.25], "the": [1.0, 2.0, 3.0], "7": [-4.0, 5.5, 1e-3]}
TEXT = b"3 3\n</s> 0.000000 -1.500000 0.250000 \nthe 1 2 3 \n7 -4 5.5 0.001 \n"


def binary(rows: dict[str, list[float]], end: bytes = b"", header: bytes = b"") -> bytes:
    """The layout of word2vec.c (``end`` a line feed) and of gensim (``end`` empty)."""
    dim = len(next(iter(rows.values())))
    header = header or b"%d %d\n" % (len(rows), dim)
    return header + b"".join(word.encode() + b" " + struct.pack(f"<{dim}f", *row) + end for word, row in rows.items())


def load(folder: Path, content: bytes, form: str | None = None) -> WordVectors:
    # A file of its own for each: two of one size and time at one path would pass for the same.
    path = Path(tempfile.mkdtemp(dir=folder)) / "vectors"
    path.write_bytes(content)
    return load_vectors(path, form)


def error_of(folder: Path, content: bytes, form: str | None = None) -> DataError:
    with pytest.raises(DataError) as caught:
        load(folder, content, form)
    return caught.value


def same(vectors: WordVectors, rows: dict[str, list[float]]) -> None:
    assert vectors.words.strings == list(rows)
    np.testing.assert_array_equal(vectors.matrix, np.array(list(rows.values()), np.float32))


class TestText:
    def test_words_and_numbers_come_in_the_order_of_the_file(self, tmp_path: Path):
        vectors = load(tmp_path, TEXT)
        same(vectors, ROWS)
        assert (vectors.form, vectors.repeated) == ("word2vec", 0)

    def test_gzip_is_read_the_same(self, tmp_path: Path):
        same(load(tmp_path, gzip.compress(TEXT)), ROWS)

    @pytest.mark.parametrize("header", [b"3 3\r\n", b"3 3 \n", b"3\t3\n", b"\xef\xbb\xbf3 3\n", b"003 3\n"], ids=repr)
    def test_a_header_may_be_written_in_many_ways(self, tmp_path: Path, header: bytes):
        same(load(tmp_path, header + TEXT.partition(b"\n")[2]), ROWS)

    def test_the_first_word_may_be_a_number(self, tmp_path: Path):
        same(load(tmp_path, b"2 3\n5 1 2 3\n400000 4 5 6\n"), {"5": [1, 2, 3], "400000": [4, 5, 6]})

    def test_odd_spaces_are_part_of_a_word_in_fasttexts_files(self, tmp_path: Path):
        words = ["\u00a0", "10\u00a0000", "a\u2028b", "\u3000", "c\u0085d", "e\u200bf", "\x1c"]
        content = f"{len(words)} 2\n" + "".join(f"{word} 1 2 \n" for word in words)
        assert load(tmp_path, content.encode()).words.strings == words

    def test_the_first_row_of_a_repeated_word_counts_and_the_header_counts_them_all(self, tmp_path: Path):
        vectors = load(tmp_path, b"3 1\na 1\nb 2\na 3\n")
        same(vectors, {"a": [1], "b": [2]})
        assert vectors.repeated == 1

    @pytest.mark.parametrize(
        ("content", "line", "found", "expected"),
        [
            (b"4 3\n" + TEXT[4:], 5, "the end of the file", "1 more row, as line 1 is '4 3'"),
            (b"2 3\n" + TEXT[4:], 4, "one more line, '7 -4 5.5 0.001'", "the end of the file, as line 1 is '2 3'"),
            (TEXT + b"\n", 5, "one more line, ''", "the end of the file, as line 1 is '3 3'"),
            (b"3 4\n" + TEXT[4:], 2, "'</s> 0.000000 -1.500000 0.250000'", "a word and 4 numbers, as line 1 is '3 4'"),
            (b"2 3\nthe 1 2 3\nof 1 2\n", 3, "'of 1 2'", "a word and 3 numbers, as line 1 is '2 3'"),
            (b"2 3\nthe 1 2 3\nof 1 2 3 4\n", 3, "the word 'of 1' before the numbers", "a word and 3 numbers"),
            (b"2 3\nthe 1 2 3\nof 1 x 3\n", 3, "'of 1 x 3', whose number 2 is 'x'", "a word and 3 numbers"),
            (b"2 3\nthe 1 2 3\nof 1 2 nan\n", 3, "'of 1 2 nan', whose number 3 is 'nan'", "a word and 3 numbers"),
            (b"2 3\nthe 1 2 3\nof 1 2 1e99\n", 3, "'of 1 2 1e99', whose number 3 is '1e99'", "a word and 3 numbers"),
            (b"1 2\ncaf\xe9 1 2\n", 2, "b'caf\\xe9'", "a word in UTF-8"),
            (b"5 3", 2, "the end of the file", "5 more rows, as line 1 is '5 3'"),
            (b"0 3\nthe 1 2 3\n", 1, "'0 3'", "a header: how many words, and how wide"),
            (b"3 0\nthe\n", 1, "'3 0'", "a header: how many words, and how wide"),
            (b"3 65537\nthe 1\n", 1, "'3 65537'", "a header: how many words, and how wide"),
        ],
        ids=repr,
    )
    def test_a_fault_is_an_error_with_its_line(
        self, tmp_path: Path, content: bytes, line: int, found: str, expected: str
    ):
        error = error_of(tmp_path, content)
        assert (error.line, error.found) == (line, found)
        assert error.expected.startswith(expected)

    def test_faults_far_away_have_their_lines_too(self, tmp_path: Path):
        rows = [b"w%d %s" % (i, b"1 " * 100) for i in range(12_000)]  # some 2.5 mebibytes, read in three pieces
        assert len(b"\n".join(rows)) > 2 << 20
        assert error_of(tmp_path, b"12001 100\n" + b"\n".join(rows)).line == 12_002
        assert error_of(tmp_path, b"11000 100\n" + b"\n".join(rows)).line == 11_002
        rows[11_500] = b"w 1"
        assert error_of(tmp_path, b"12000 100\n" + b"\n".join(rows)).line == 11_502

    @pytest.mark.parametrize("content", [b"the 1 2 3\n", b"1 2 3\n", b"\n", b"-1 3\n", b"1.0 3\n", b"9" * 20 + b" 3\n"])
    def test_without_a_header_the_form_is_an_error_when_forced(self, tmp_path: Path, content: bytes):
        error = error_of(tmp_path, content, "word2vec")
        assert error.line == 1
        assert "a header" in error.expected


class TestBinary:
    @pytest.mark.parametrize("end", [b"\n", b""], ids=["word2vec.c", "gensim"])
    def test_words_and_numbers_come_in_the_order_of_the_file(self, tmp_path: Path, end: bytes):
        vectors = load(tmp_path, binary(ROWS, end))
        same(vectors, ROWS)
        assert (vectors.form, vectors.repeated) == ("word2vec-binary", 0)

    def test_gzip_is_read_the_same(self, tmp_path: Path):
        same(load(tmp_path, gzip.compress(binary(ROWS))), ROWS)

    @pytest.mark.parametrize("number", [b"\n\n\n\n", b"\n   ", b"    ", b"1\n2 ", b"\x00\x00\n\x3f"], ids=repr)
    @pytest.mark.parametrize("end", [b"\n", b""])
    def test_numbers_may_hold_the_bytes_of_spaces_and_line_feeds(self, tmp_path: Path, number: bytes, end: bytes):
        (value,) = struct.unpack("<f", number)
        rows = {"a": [value, value, 1.0], "b": [2.0, value, value]}
        same(load(tmp_path, binary(rows, end), "word2vec-binary"), rows)

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
    def test_any_table_comes_back(self, tmp_path: Path, rows: dict[str, list[float]], end: bytes):
        same(load(tmp_path, binary(rows, end), "word2vec-binary"), rows)

    @pytest.mark.parametrize("end", [b"\n", b""])
    def test_rows_across_the_pieces_a_file_is_read_in_come_back(self, tmp_path: Path, end: bytes):
        rng = np.random.default_rng(0)
        matrix = rng.normal(size=(6_000, 100)).astype(np.float32)  # 2.4 MB
        rows = {f"w{'x' * (i % 7)}{i}": row.tolist() for i, row in enumerate(matrix)}
        same(load(tmp_path, binary(rows, end)), rows)

    @pytest.mark.parametrize("row", [0, 2_500, 2_621, 2_622, 5_999])
    def test_a_fault_far_away_names_its_byte(self, tmp_path: Path, row: int):
        rows = {f"w{i:04}": [0.5] * 100 for i in range(6_000)}  # 406 bytes a row
        rows[f"w{row:04}"] = [0.5] * 99 + [float("inf")]
        whole = binary(rows)
        byte = whole.index(struct.pack("<f", float("inf")))
        assert byte == len(b"6000 100\n") + 406 * (row + 1) - 4
        assert error_of(tmp_path, whole).found == f"the number inf at byte {byte:,}, in the row of 'w{row:04}'"
        assert error_of(tmp_path, whole[: byte + 3]).found.startswith(
            f"the end of the file at byte {byte + 3:,}, in row"
        )

    def test_the_first_row_of_a_repeated_word_counts(self, tmp_path: Path):
        row = struct.pack("<2f", 1, 2)
        vectors = load(tmp_path, b"3 2\na " + row + b"a " + struct.pack("<2f", 3, 4) + b"b " + row)
        same(vectors, {"a": [1, 2], "b": [1, 2]})
        assert vectors.repeated == 1

    @pytest.mark.parametrize("end", [b"\n", b""])
    def test_every_cut_is_an_error_that_names_the_byte(self, tmp_path: Path, end: bytes):
        whole = binary(ROWS, end)
        for length in range(5, len(whole) - len(end)):
            error = error_of(tmp_path, whole[:length], "word2vec-binary")
            assert error.found.startswith(f"the end of the file at byte {length}, in row ")
            assert error.expected == "3 rows of a word and 3 numbers, as the header says"

    @pytest.mark.parametrize("more", [b"x", b"\n\n", b"\nx", b" ", b"\0", b"word \0\0\0\0"], ids=repr)
    def test_bytes_after_the_last_row_are_an_error_that_names_the_byte(self, tmp_path: Path, more: bytes):
        whole = binary(ROWS)
        error = error_of(tmp_path, whole + more, "word2vec-binary")
        assert error.found == f"more bytes at byte {len(whole)}"

    def test_more_bytes_in_the_next_piece_of_the_file_are_found(self, tmp_path: Path):
        rows = {f"{i:05}": [1.0] * 61 for i in range(4161)}
        pad = (1 << 20) - len(binary(rows))
        whole = binary(rows, header=b"4161 61" + b" " * pad + b"\n")
        assert len(whole) == 1 << 20
        assert len(load(tmp_path, whole).words) == len(load(tmp_path, whole + b"\n").words) == 4161
        assert error_of(tmp_path, whole + b"x").found == f"more bytes at byte {1 << 20:,}"
        assert error_of(tmp_path, whole + b"\nx").found == f"more bytes at byte {1 << 20:,}"

    @pytest.mark.parametrize("wrong", [b"3 2\n", b"3 4\n", b"2 3\n", b"4 3\n"], ids=repr)
    @pytest.mark.parametrize("end", [b"\n", b""])
    def test_a_header_that_contradicts_the_rows_is_an_error(self, tmp_path: Path, wrong: bytes, end: bytes):
        error_of(tmp_path, binary(ROWS, end, wrong), "word2vec-binary")

    @pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
    def test_a_number_that_is_not_finite_is_an_error_that_names_byte_and_word(self, tmp_path: Path, value: float):
        whole = binary({**ROWS, "of": [1.0, value, 2.0]})
        error = error_of(tmp_path, whole)
        byte = len(whole) - 8
        assert np.frombuffer(whole[byte : byte + 4], "<f4").tolist() == pytest.approx([value], nan_ok=True)
        assert error.found == f"the number {value} at byte {byte}, in the row of 'of'"

    @pytest.mark.parametrize("word", [b"", b"caf\xe9", b"a\nb", b"a\0b"], ids=repr)
    def test_a_word_that_is_none_is_an_error_that_names_the_byte(self, tmp_path: Path, word: bytes):
        row = struct.pack("<2f", 1, 2)
        error = error_of(tmp_path, b"2 2\nthe " + row + word + b" " + row, "word2vec-binary")
        assert error.found == f"{word!r} at byte 16"

    def test_a_word_without_end_is_an_error(self, tmp_path: Path):
        error = error_of(tmp_path, b"2 2\nthe " + struct.pack("<2f", 1, 2) + b"x" * 20_000)
        assert error.found == "no space in 10,000 bytes from byte 16"

    @pytest.mark.parametrize("content", [b"the 1 2\n", b"\0\0\0", b"3 -3\n", b"1 70000\na \0\0\0\0"], ids=repr)
    def test_without_a_header_the_form_is_an_error_when_forced(self, tmp_path: Path, content: bytes):
        error = error_of(tmp_path, content, "word2vec-binary")
        assert error.line == 1
        assert "a header" in error.expected
