from __future__ import annotations

import gzip
import os
import re
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tagsmith.embeddings import Coverage, load_vectors
from tagsmith.errors import DataError
from tagsmith.tensors import write_tensors

FACTS = '{"form":"glove","format_version":1,"repeated":0}'
THREE = b"the 0.1 -0.2 0.3\nof 1 2 3\n<unk> 1e-3 -2.5E+2 .5\n"


@pytest.fixture
def glove(tmp_path: Path) -> Path:
    """A vector file of three words, three numbers each."""
    (tmp_path / "glove.txt").write_bytes(THREE)
    return tmp_path / "glove.txt"


def write(folder: Path, content: bytes | str) -> Path:
    path = folder / "vectors.txt"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def copies() -> list[Path]:
    """The files in the cache folder."""
    return [path for path in Path(os.environ["TAGSMITH_CACHE"]).rglob("*") if path.is_file()]


def rewrite_unnoticed(path: Path, content: bytes) -> None:
    """Change a file's content but neither its size nor its time."""
    before = path.stat()
    assert len(content) == before.st_size
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def error_of(path: Path) -> DataError:
    with pytest.raises(DataError) as caught:
        load_vectors(path)
    return caught.value


class TestReading:
    def test_words_and_numbers_come_in_the_order_of_the_file(self, glove: Path):
        vectors = load_vectors(glove)
        assert vectors.words.strings == ["the", "of", "<unk>"]
        assert vectors.matrix.dtype == np.float32
        np.testing.assert_array_equal(
            vectors.matrix, np.array([[0.1, -0.2, 0.3], [1, 2, 3], [0.001, -250, 0.5]], np.float32)
        )
        assert (vectors.source, vectors.repeated) == (str(glove), 0)

    def test_gzip_is_read_the_same_whatever_its_name(self, glove: Path, tmp_path: Path):
        packed = tmp_path / "packed.txt"
        packed.write_bytes(gzip.compress(THREE))
        assert load_vectors(packed).words.strings == load_vectors(glove).words.strings
        np.testing.assert_array_equal(load_vectors(packed).matrix, load_vectors(glove).matrix)

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

    def test_the_first_row_of_a_repeated_word_counts_and_the_others_are_counted(self, tmp_path: Path):
        vectors = load_vectors(write(tmp_path, "a 1\nb 2\na 3\nA 4\nb 5\na 6\n"))
        assert vectors.words.strings == ["a", "b", "A"]
        assert vectors.matrix.tolist() == [[1], [2], [4]]
        assert vectors.repeated == 3

    def test_a_word_repeated_far_away_is_found_too(self, tmp_path: Path):
        lines = [f"w{i} {i} {i}" for i in range(20_005)]
        lines[20_003] = "w1 0 0"
        vectors = load_vectors(write(tmp_path, "\n".join(lines)))
        assert (len(vectors.words), vectors.repeated) == (20_004, 1)
        assert vectors.matrix[1].tolist() == [1, 1]
        assert vectors.matrix[-1].tolist() == [20_004, 20_004]

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
        # A file of its own for each: two of one size and time at one path would pass for the same.
        vectors = load_vectors(write(Path(tempfile.mkdtemp(dir=tmp_path)), text))
        assert vectors.words.strings == list(table)
        np.testing.assert_array_equal(vectors.matrix, np.array(list(table.values()), np.float32))


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

    @pytest.mark.parametrize("content", [b"", gzip.compress(b"", mtime=0)])
    def test_an_empty_file_is_an_error(self, tmp_path: Path, content: bytes):
        path = write(tmp_path, content)
        assert str(error_of(path)) == f"{path}: found an empty file; expected word vectors"

    @pytest.mark.parametrize("content", ["\n", "the\n", "   \n"])
    def test_a_first_line_without_numbers_is_an_error(self, tmp_path: Path, content: str):
        error = error_of(write(tmp_path, content))
        assert (error.line, error.expected) == (1, "a word and its numbers")

    def test_a_file_cut_short_inside_gzip_is_an_error(self, tmp_path: Path):
        path = write(tmp_path, gzip.compress(THREE * 100)[:-20])
        assert "a broken gzip file" in error_of(path).found

    def test_a_missing_file_is_an_error(self, tmp_path: Path):
        assert error_of(tmp_path / "none.txt").found == "no such file"

    def test_a_file_with_an_error_leaves_no_copy(self, tmp_path: Path):
        error_of(write(tmp_path, "the 1 2\nof 1\n"))
        assert copies() == []


class TestCopy:
    def test_the_table_is_mapped_and_read_only_from_the_first_load_on(self, glove: Path):
        for _ in range(2):
            matrix = load_vectors(glove).matrix
            assert isinstance(matrix.base, np.memmap)
            assert not matrix.flags.writeable

    def test_the_second_load_does_not_read_the_text(self, glove: Path):
        first = load_vectors(glove)
        rewrite_unnoticed(glove, THREE.replace(b"of 1 2 3", b"not read"))
        second = load_vectors(glove)
        assert second.words.strings == first.words.strings
        np.testing.assert_array_equal(second.matrix, first.matrix)
        assert len(copies()) == 1

    def test_repeated_words_are_remembered(self, tmp_path: Path):
        path = write(tmp_path, "a 1\na 2\na 3\n")
        assert [load_vectors(path).repeated for _ in range(2)] == [2, 2]

    def test_a_file_of_another_time_is_read_anew(self, glove: Path):
        load_vectors(glove)
        state = glove.stat()
        glove.write_bytes(THREE.replace(b"of 1", b"of 9"))
        os.utime(glove, ns=(state.st_atime_ns, state.st_mtime_ns + 1))
        assert load_vectors(glove).matrix[1].tolist() == [9, 2, 3]

    def test_a_file_of_another_size_is_read_anew(self, glove: Path):
        load_vectors(glove)
        state = glove.stat()
        glove.write_bytes(THREE + b"more 7 8 9\n")
        os.utime(glove, ns=(state.st_atime_ns, state.st_mtime_ns))
        assert load_vectors(glove).words.strings[-1] == "more"

    def test_the_same_bytes_elsewhere_have_a_copy_of_their_own(self, glove: Path, tmp_path: Path):
        load_vectors(glove)
        load_vectors(write(tmp_path, THREE))
        assert len(copies()) == 2

    def test_a_link_to_the_file_shares_its_copy(self, glove: Path, tmp_path: Path):
        load_vectors(glove)
        (tmp_path / "link.txt").symlink_to(glove)
        load_vectors(tmp_path / "link.txt")
        assert len(copies()) == 1

    @pytest.mark.parametrize("content", [b"", b"garbage", b"\0" * 200])
    def test_a_damaged_copy_is_made_anew(self, glove: Path, content: bytes):
        load_vectors(glove)
        (copy,) = copies()
        whole = copy.read_bytes()
        copy.write_bytes(content)
        assert load_vectors(glove).words.strings == ["the", "of", "<unk>"]
        assert copy.read_bytes() == whole

    def test_a_copy_cut_short_anywhere_is_made_anew(self, glove: Path):
        load_vectors(glove)
        (copy,) = copies()
        whole = copy.read_bytes()
        for length in range(0, len(whole), 7):
            copy.write_bytes(whole[:length])
            assert load_vectors(glove).matrix[1].tolist() == [1, 2, 3]
            assert copy.read_bytes() == whole

    @pytest.mark.parametrize("lost", ["matrix", "words.bytes", "words.offsets"])
    def test_a_copy_that_lacks_an_array_is_made_anew(self, glove: Path, lost: str):
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

    def test_a_copy_with_more_words_than_rows_is_made_anew(self, glove: Path):
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
        self, glove: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
    ):
        (tmp_path / "a_file").write_text("in the way")
        monkeypatch.setenv("TAGSMITH_CACHE", str(tmp_path / place))
        for _ in range(2):
            assert load_vectors(glove).matrix[1].tolist() == [1, 2, 3]
        assert (tmp_path / "a_file").read_text() == "in the way"

    @pytest.mark.skipif(sys.platform != "linux", reason="XDG_CACHE_HOME is Linux's way to name the folder")
    def test_without_the_variable_the_copy_goes_into_the_users_cache_folder(
        self, glove: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.delenv("TAGSMITH_CACHE")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
        load_vectors(glove)
        assert len(list((tmp_path / "home" / "tagsmith" / "vectors").iterdir())) == 1


class TestCoverage:
    def test_each_distinct_word_counts_once_in_its_first_form(self, tmp_path: Path):
        vectors = load_vectors(write(tmp_path, "the 1\nUS 1\nus 1\n00 1\nid-000 1\n"))
        words = ["the", "the", "US", "The", "THE", "00", "42", "ID-747", "Id-000", "xyz", "5"]
        # exact: the US 00; lower: The THE Id-000; zeroed: 42 ID-747; absent: xyz 5
        assert vectors.coverage(words) == Coverage(exact=3, lowered=3, zeroed=2, absent=2)

    def test_words_are_looked_up_as_a_model_does_and_counted_by_what_was_found(self, tmp_path: Path):
        vectors = load_vectors(write(tmp_path, "US 1\nus 1\nthe 1\nabc0 1\n"))
        words = ["US", "us", "the", "abc7", "xyz"]
        assert vectors.coverage(words, str.lower) == Coverage(exact=2, lowered=1, zeroed=1, absent=1)

    def test_no_words_are_covered_by_nothing(self, glove: Path):
        assert load_vectors(glove).coverage([]) == Coverage(0, 0, 0, 0)

    def test_it_reads_as_one_line_with_shares(self):
        assert str(Coverage(exact=1500, lowered=300, zeroed=100, absent=100)) == (
            "2,000 words of the training data: 1,500 exact (75.0 %), 300 lower-cased (15.0 %), "
            "100 digits zeroed (5.0 %), 100 absent (5.0 %)"
        )
