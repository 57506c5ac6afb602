from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from tagsmith.errors import DataError
from tests.support.vector_files import check_content, error_of, load, write

ROWS = {"</s>": [0.0, -1.5, 0.25], "the": [1.0, 2.0, 3.0], "7": [-4.0, 5.5, 1e-3]}
TEXT = b"3 3\n</s> 0.000000 -1.500000 0.250000 \nthe 1 2 3 \n7 -4 5.5 0.001 \n"


def fault(folder: Path, content: bytes, format: str | None = None) -> DataError:
    return error_of(write(folder, content), format)


def test_words_and_numbers_come_in_the_order_of_the_file(tmp_path: Path):
    vectors = load(tmp_path, TEXT)
    check_content(vectors, ROWS)
    assert (vectors.format, vectors.repeated) == ("word2vec", 0)


def test_gzip_is_read_the_same(tmp_path: Path):
    check_content(load(tmp_path, gzip.compress(TEXT)), ROWS)


@pytest.mark.parametrize("header", [b"3 3\r\n", b"3 3 \n", b"3\t3\n", b"\xef\xbb\xbf3 3\n", b"003 3\n"], ids=repr)
def test_a_header_may_be_written_in_many_ways(tmp_path: Path, header: bytes):
    check_content(load(tmp_path, header + TEXT.partition(b"\n")[2]), ROWS)


def test_the_first_word_may_be_a_number(tmp_path: Path):
    check_content(load(tmp_path, b"2 3\n5 1 2 3\n400000 4 5 6\n"), {"5": [1, 2, 3], "400000": [4, 5, 6]})


def test_odd_spaces_are_part_of_a_word_in_fasttexts_files(tmp_path: Path):
    words = ["\u00a0", "10\u00a0000", "a\u2028b", "\u3000", "c\u0085d", "e\u200bf", "\x1c"]
    content = f"{len(words)} 2\n" + "".join(f"{word} 1 2 \n" for word in words)
    assert load(tmp_path, content.encode()).words.strings == words


def test_the_first_row_of_a_repeated_word_counts_and_the_header_counts_them_all(tmp_path: Path):
    vectors = load(tmp_path, b"3 1\na 1\nb 2\na 3\n")
    check_content(vectors, {"a": [1], "b": [2]})
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
        (b"0 3\nthe 1 2 3\n", 1, "'0 3'", "a header: the number of words and the dimension"),
        (b"3 0\nthe\n", 1, "'3 0'", "a header: the number of words and the dimension"),
        (b"3 65537\nthe 1\n", 1, "'3 65537'", "a header: the number of words and the dimension"),
    ],
    ids=repr,
)
def test_a_fault_is_an_error_with_its_line(tmp_path: Path, content: bytes, line: int, found: str, expected: str):
    error = fault(tmp_path, content)
    assert (error.line, error.found) == (line, found)
    assert error.expected.startswith(expected)


def test_faults_far_away_have_their_lines_too(tmp_path: Path):
    rows = [b"w%d %s" % (i, b"1 " * 100) for i in range(12_000)]  # some 2.5 mebibytes, read in three pieces
    assert len(b"\n".join(rows)) > 2 << 20
    assert fault(tmp_path, b"12001 100\n" + b"\n".join(rows)).line == 12_002
    assert fault(tmp_path, b"11000 100\n" + b"\n".join(rows)).line == 11_002
    rows[11_500] = b"w 1"
    assert fault(tmp_path, b"12000 100\n" + b"\n".join(rows)).line == 11_502


@pytest.mark.parametrize("content", [b"the 1 2 3\n", b"1 2 3\n", b"\n", b"-1 3\n", b"1.0 3\n", b"9" * 20 + b" 3\n"])
def test_without_a_header_the_form_is_an_error_when_forced(tmp_path: Path, content: bytes):
    error = fault(tmp_path, content, "word2vec")
    assert error.line == 1
    assert "a header" in error.expected
