"""The table: what its file holds, that it is mapped and shared, and what reading costs."""

from __future__ import annotations

import gzip
import itertools
import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from tagsmith.embeddings import load_vectors, read_table, write_table
from tagsmith.embeddings.vector_table import gather, is_table, map_table
from tests.support.vector_files import error_of

WORDS = ["the", "of", "café"]
MATRIX = np.array([[1, 2], [3, 4], [5, 6]], np.float32)


def blocks(*sizes: int):
    """The words w0, w1, ... and rows that name their place, in blocks of these sizes."""
    starts = itertools.accumulate(sizes, initial=0)
    for start, size in zip(starts, sizes, strict=False):
        places = range(start, start + size)
        yield [f"w{i}" for i in places], np.array([[i, -i] for i in places], np.float32).reshape(size, 2)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    write_table(tmp_path / "v.safetensors", gather([(WORDS, MATRIX)], "glove"))
    return tmp_path / "v.safetensors"


class TestFile:
    def test_a_table_comes_back_without_a_copy(self, file: Path):
        vectors = load_vectors(file)
        assert vectors.words.strings == WORDS
        np.testing.assert_array_equal(vectors.matrix, MATRIX)
        assert (vectors.source, vectors.format, vectors.repeated) == (str(file), "glove", 0)
        assert not list(Path(os.environ["TAGSMITH_CACHE"]).rglob("*.safetensors"))

    @pytest.mark.parametrize("name", ["v", "v.txt", "v.bin"])
    def test_it_is_known_by_its_content_whatever_its_name(self, file: Path, name: str):
        assert load_vectors(file.rename(file.with_name(name))).words.strings == WORDS

    def test_any_reader_of_safetensors_opens_it(self, file: Path):
        with safe_open(file, "numpy") as opened:
            assert opened.metadata() == {"tagsmith.vectors": '{"form":"glove","format_version":1,"repeated":0}'}
            assert sorted(opened.keys()) == ["matrix", "words.bytes", "words.offsets"]
            np.testing.assert_array_equal(opened.get_tensor("matrix"), MATRIX)
            assert opened.get_tensor("words.bytes").tobytes() == "theofcafé".encode()
            assert opened.get_tensor("words.offsets").tolist() == [0, 3, 5, 10]

    def test_the_same_vectors_give_the_same_bytes(self, file: Path, tmp_path: Path):
        write_table(tmp_path / "again", read_table(file))
        assert (tmp_path / "again").read_bytes() == file.read_bytes()

    def test_what_was_read_and_how_often_words_came_again_is_kept(self, tmp_path: Path):
        (tmp_path / "v.txt").write_bytes(b"3 1\na 1\na 2\na 3\n")
        write_table(tmp_path / "t", read_table(tmp_path / "v.txt"))
        vectors = load_vectors(tmp_path / "t")
        assert (vectors.format, vectors.repeated) == ("word2vec", 2)

    def test_every_cut_is_an_error(self, file: Path):
        whole = file.read_bytes()
        for length in range(9, len(whole)):
            file.write_bytes(whole[:length])
            error_of(file)

    @pytest.mark.parametrize(
        ("document", "found"),
        [
            ("", "a safetensors file of something else"),
            ("1", "a damaged table (its facts)"),
            ("{}", "a damaged table (its facts)"),
            ("{", "a damaged table (its facts)"),
            ('{"form":"glove","format_version":2,"repeated":0}', "a table of version 2"),
        ],
    )
    def test_other_facts_are_an_error(self, file: Path, document: str, found: str):
        save_file(dict(map_table(file).arrays), file, {"tagsmith.vectors": document} if document else None)
        assert error_of(file).found == found

    @pytest.mark.parametrize(
        "changed",
        [
            {"matrix": np.zeros((3, 2), np.int32)},
            {"matrix": np.zeros(3, np.float32)},
            {"matrix": np.zeros((2, 2), np.float32)},
            {"matrix": np.zeros((3, 0), np.float32)},
            {"words.offsets": np.array([0, 3, 5, 9])},
            {"words.offsets": np.array([0, 3, 5, 9, 10])},
            {"words.offsets": np.array([0, 3, 2, 10])},
            {"words.bytes": np.full(10, 0xFF, np.uint8)},
            {"words.bytes": np.frombuffer(b"thethecafe", np.uint8), "words.offsets": np.array([0, 3, 6, 10])},
            {"more": np.zeros(1, np.float32)},
        ],
        ids=str,
    )
    def test_damaged_arrays_are_an_error(self, file: Path, changed: dict[str, np.ndarray]):
        facts = {"form": "glove", "format_version": 1, "repeated": 0}
        save_file({**map_table(file).arrays, **changed}, file, {"tagsmith.vectors": json.dumps(facts)})
        assert error_of(file).found.startswith("a damaged table")

    def test_a_model_is_no_table(self, tiny_model_path: Path):
        error = error_of(tiny_model_path)
        assert error.found == "a safetensors file of something else"
        assert "tagsmith vectors convert" in error.expected

    def test_a_packed_table_is_an_error_that_says_what_to_do(self, file: Path):
        packed = file.with_suffix(".gz")
        packed.write_bytes(gzip.compress(file.read_bytes()))
        assert error_of(packed).found == "a packed table"

    @pytest.mark.parametrize("content", [b"", b"the 0.1 {", b"12345678{", struct.pack("<Q", 99) + b"[]"], ids=repr)
    def test_other_files_are_no_tables(self, tmp_path: Path, content: bytes):
        (tmp_path / "v").write_bytes(content)
        assert not is_table(tmp_path / "v")


class TestGathering:
    @pytest.mark.parametrize("sizes", [(1,), (3,), (0, 3), (1, 1, 1), (1, 100, 1), (100, 3, 0, 50), (7,) * 40])
    def test_blocks_follow_one_another(self, sizes: tuple[int, ...]):
        table = gather(blocks(*sizes), "glove")
        assert table.shape == (sum(sizes), 2)
        assert table.vectors("").matrix.tolist() == [[i, -i] for i in range(sum(sizes))]

    def test_the_first_row_of_a_repeated_word_counts_and_the_others_are_counted(self):
        table = gather([(["a", "b"], MATRIX[:2]), (["a", "A", "b"], MATRIX)], "glove")
        vectors = table.vectors("")
        assert vectors.words.strings == ["a", "b", "A"]
        assert vectors.matrix.tolist() == [[1, 2], [3, 4], [3, 4]]
        assert vectors.repeated == 2

    def test_rows_can_be_left_out_and_repeats_are_counted_among_those_kept(self):
        names = [["a", "b", "c"], ["a", "b", "d"]]
        rows = [np.arange(3, dtype=np.float32).reshape(3, 1), np.arange(3, 6, dtype=np.float32).reshape(3, 1)]
        table = gather(
            zip(names, rows, strict=True), "glove", lambda words: [i for i, w in enumerate(words) if w != "b"]
        )
        vectors = table.vectors("")
        assert (vectors.words.strings, vectors.matrix.tolist(), vectors.repeated) == (
            ["a", "c", "d"],
            [[0], [2], [5]],
            1,
        )

    def test_everything_can_be_left_out(self):
        assert gather(blocks(3, 4), "glove", lambda words: []).shape == (0, 2)


STATE = """
import sys
from tagsmith.embeddings import load_vectors

def kilobytes(name):
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(name + ":"))
"""


def lines_of(script: str, *arguments: object) -> list[str]:
    """What a script prints in a process of its own."""
    words = [sys.executable, "-c", STATE + script, *map(str, arguments)]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of 2,000 words and 64 MB of numbers."""
    path = tmp_path_factory.mktemp("big") / "v.safetensors"
    matrix = np.ones((2_000, 8_000), np.float32)
    write_table(path, gather([([f"w{i}" for i in range(2_000)], matrix)], "glove"))
    return path


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
class TestMemory:
    def test_loading_reads_nothing_of_the_matrix_and_using_it_takes_no_memory_of_the_process_own(self, big: Path):
        script = """
before = kilobytes("RssAnon"), kilobytes("RssFile")
vectors = load_vectors(sys.argv[1])
loaded = kilobytes("RssAnon"), kilobytes("RssFile")
vectors.matrix.sum(dtype="f8")
used = kilobytes("RssAnon"), kilobytes("RssFile")
print(*before, *loaded, *used)
"""
        own, shared, own_loaded, shared_loaded, own_used, shared_used = map(int, lines_of(script, big)[0].split())
        assert own_loaded - own < 8_000
        assert shared_loaded - shared < 8_000
        assert own_used - own < 8_000
        assert shared_used - shared > 60_000

    def test_processes_map_the_same_file(self, big: Path):
        """Each maps the one file by its inode, and the kernel counts the pages both have as shared, not as private."""
        script = """
vectors = load_vectors(sys.argv[1])
assert vectors.matrix.sum(dtype="f8") == 16_000_000
print("ready", flush=True)
sys.stdin.readline()
"""
        words = [sys.executable, "-c", STATE + script, str(big)]

        both = [subprocess.Popen(words, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(2)]
        try:
            for process in both:
                assert process.stdout is not None
                assert process.stdout.readline() == "ready\n"
            for process in both:
                sizes = self.sizes(process.pid, big)
                assert sizes["Size"] > 60_000
                assert sizes["Shared_Clean"] > 60_000
                assert sizes["Private_Clean"] + sizes["Private_Dirty"] + sizes["Anonymous"] < 1_000
        finally:
            for process in both:
                process.communicate("\n")

    @staticmethod
    def sizes(pid: int, file: Path) -> dict[str, int]:
        """Kilobytes by kind of the largest place at which a process maps a file."""
        maps: list[dict[str, int]] = []
        for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
            fields = line.split()
            if "-" in fields[0] and not fields[0].endswith(":"):
                ours = len(fields) > 5 and fields[5] == str(file) and int(fields[4]) == file.stat().st_ino
                maps.append({} if ours else {"Size": -1})
            elif fields[-1] == "kB":
                maps[-1].setdefault(fields[0].rstrip(":"), int(fields[1]))
        return max(maps, key=lambda sizes: sizes["Size"])

    @pytest.mark.parametrize("form", ["text", "binary"])
    def test_reading_takes_less_than_two_and_a_half_times_the_matrix(self, tmp_path: Path, form: str):
        row = np.full(100, 0.5, np.float32)
        numbers = b" " + b" ".join([b"0.5"] * 100) + b"\n" if form == "text" else b" " + row.tobytes()
        with (tmp_path / "v").open("wb") as file:
            file.write(b"100000 100\n")
            file.writelines(b"w%d" % i + numbers for i in range(100_000))
        script = """
before = kilobytes("VmRSS")
vectors = load_vectors(sys.argv[1])
assert vectors.matrix.shape == (100_000, 100)
print(kilobytes("VmHWM") - before)
"""
        assert int(lines_of(script, tmp_path / "v")[0]) * 1024 < 2.5 * 100_000 * 100 * 4
