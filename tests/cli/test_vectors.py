"""tagsmith vectors: info, convert, trim."""

from __future__ import annotations

import json
import os
import signal
import struct
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from tagsmith import Tagger, tensors
from tagsmith.embeddings import load_vectors
from tagsmith.embeddings.vector_table import gather, write_table
from tests.support.handmade import TINY
from tests.support.shell import COMMAND, DEMO, Result, real, run

GLOVE = "the 3 4\nof 0 0\nin 6 8\nid-000 1 0\nof 5 5\n\u00a0 0 1\n"
CORPUS = "The O\nthe O\nId-747 O\nxyz O\nxyz O\nQ7 O\n\nthe O\n"


@pytest.fixture
def glove(tmp_path: Path) -> Path:
    (tmp_path / "v.txt").write_text(GLOVE, "utf-8")
    return tmp_path / "v.txt"


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    (tmp_path / "c.conll").write_text(CORPUS)
    return tmp_path / "c.conll"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


class TestInfo:
    def test_what_a_file_holds_is_shown(self, glove: Path):
        result = run("vectors", "info", glove)
        assert (result.code, result.err) == (0, "")
        *lines, memory = result.out.splitlines()
        assert lines == [
            f"file            {glove}",
            "format          GloVe text",
            "words           5",
            "width           2",
            "repeated rows   1",
            "norms           0 to 10, median 1",
            "first words     the of in id-000 '\\xa0'",
        ]
        assert memory == "memory          0.0 MB of numbers, mapped and shared; 0.0 MB of words in each process"

    def test_the_last_words_are_not_the_first_again(self, tmp_path: Path):
        (tmp_path / "v.txt").write_text("".join(f"w{i} 1\n" for i in range(11)))
        lines = run("vectors", "info", tmp_path / "v.txt").out.splitlines()
        assert lines[6:8] == ["first words     w0 w1 w2 w3 w4 w5 w6 w7", "last words      w8 w9 w10"]

    def test_what_it_covers_is_shown(self, glove: Path, corpus: Path):
        result = run("vectors", "info", glove, "--data", corpus)
        assert (result.code, result.err) == (0, "")
        assert result.out.partition("\n\n")[2].splitlines() == [
            f"{corpus}: 5 distinct words in 7 tokens",
            "  exact                 1 words ( 20.0 %)          2 tokens ( 28.6 %)",
            "  lower-cased           1 words ( 20.0 %)          1 tokens ( 14.3 %)",
            "  digits zeroed         1 words ( 20.0 %)          1 tokens ( 14.3 %)",
            "  absent                2 words ( 40.0 %)          3 tokens ( 42.9 %)",
            "  most frequent of the absent: xyz 2, Q7 1",
        ]

    def test_all_of_it_comes_as_json(self, glove: Path, corpus: Path):
        facts = json.loads(run("vectors", "info", glove, "--data", corpus, "--data", corpus, "--json").out)
        assert facts["norms"] == {"least": 0.0, "median": 1.0, "greatest": 10.0}
        assert (facts["form"], facts["is_table"], facts["words"], facts["dim"]) == ("GloVe text", False, 5, 2)
        assert (facts["repeated"], facts["matrix_bytes"]) == (1, 40)
        assert facts["coverage"] == {
            "data": [str(corpus), str(corpus)],
            "words": {"exact": 1, "lower-cased": 1, "digits zeroed": 1, "absent": 2},
            "tokens": {"exact": 4, "lower-cased": 2, "digits zeroed": 2, "absent": 6},
            "absent": [["xyz", 4], ["Q7", 2]],
        }

    def test_it_covers_what_train_says_that_it_covers(self, tmp_path: Path):
        words = [line.split("\t")[0] for line in (DEMO / "train.conll").read_text("utf-8").splitlines() if line]
        words = sorted({form for i, word in enumerate(words) for form in (word, word.lower())[i % 3 : i % 3 + 1]})
        (tmp_path / "v.txt").write_text("".join(f"{word} 0.5\n" for word in [*words, "0000"]), "utf-8")
        settings = {**TINY, "words.dim": None, "training.epochs": 1}
        train, vectors, out = DEMO / "train.conll", tmp_path / "v.txt", tmp_path / "m.safetensors"
        Tagger.train(train, vectors=vectors, settings=settings, out=out, progress=False)
        logged = json.loads((tmp_path / "m.log.jsonl").read_text().splitlines()[0])["vectors"]
        facts = json.loads(run("vectors", "info", tmp_path / "v.txt", "--data", train, "--json").out)
        assert list(facts["coverage"]["words"].values()) == list(logged["coverage"].values())
        assert min(facts["coverage"]["words"].values()) > 0
        assert (logged["words"], logged["form"]) == (facts["words"], "glove")

    def test_a_table_says_what_it_was_made_from(self, glove: Path, tmp_path: Path):
        run("vectors", "convert", glove, tmp_path / "t.safetensors")
        lines = run("vectors", "info", tmp_path / "t.safetensors").out.splitlines()
        assert lines[1:5] == [
            "format          a table, made from GloVe text",
            "words           5",
            "width           2",
            "repeated rows   1",
        ]

    def test_a_table_with_numbers_that_are_none_is_an_error(self, tmp_path: Path):
        write_table(tmp_path / "t", gather([(["a", "b"], np.array([[1], [np.nan]], np.float32))], "glove"))
        result = run("vectors", "info", tmp_path / "t")
        assert (result.code, result.out) == (1, "")
        assert result.err == f"error: {tmp_path}/t: found a damaged table (the row of 'b'); expected finite numbers\n"

    def test_a_table_that_is_cut_anywhere_is_a_damaged_one(self, glove: Path, tmp_path: Path):
        assert run("vectors", "convert", glove, tmp_path / "t.safetensors").code == 0
        whole = (tmp_path / "t.safetensors").read_bytes()
        for length in (9, 20, 100, len(whole) // 2, len(whole) - 1):
            (tmp_path / "cut").write_bytes(whole[:length])
            result = run("vectors", "info", tmp_path / "cut")
            assert (result.code, result.out) == (1, "")
            assert result.err.startswith(f"error: {tmp_path}/cut: found a damaged table (")
            assert result.err.endswith("); expected a table of word vectors, as tagsmith vectors convert writes it\n")

    def test_corpora_are_read_as_train_reads_them(self, glove: Path, tmp_path: Path):
        (tmp_path / "a.jsonl").write_text('{"tokens": ["the"]}\n')
        (tmp_path / "b.conllu").write_text("1\tthe\tthe\tDET\tDT\t_\t0\troot\t_\t_\n\n")
        (tmp_path / "c.txt").write_text("NN the\n")
        for file, more in (("a.jsonl", []), ("b.conllu", []), ("c.txt", ["--word-column", "2"])):
            out = run("vectors", "info", glove, "--data", tmp_path / file, *more).out
            assert "1 distinct words in 1 tokens" in out
            assert "exact                 1 words (100.0 %)" in out

    def test_texts_are_split_as_the_training_will_split_them(self, tmp_path: Path):
        (tmp_path / "v.txt").write_text("い 1 2\nく 3 4\nいく 5 6\n")
        (tmp_path / "a.jsonl").write_text('{"text": "いく"}\n')
        for more, words in (([], ["いく"]), (["--tokenizer", "characters"], ["い", "く"])):
            given = (tmp_path / "v.txt", tmp_path / "t.safetensors", "--data", tmp_path / "a.jsonl", *more)
            assert run("vectors", "trim", *given).code == 0
            assert load_vectors(tmp_path / "t.safetensors").words.strings == words
            shown = run("vectors", "info", tmp_path / "v.txt", "--data", tmp_path / "a.jsonl", *more).out
            assert f"{len(words)} distinct words in {len(words)} tokens" in shown

    def test_malformed_lines_are_an_error_or_skipped_and_counted(self, glove: Path, tmp_path: Path):
        (tmp_path / "c.conll").write_text("the O\n\nof\tO\n\tO\n")
        assert run("vectors", "info", glove, "--data", tmp_path / "c.conll").code == 1
        result = run("vectors", "info", glove, "--data", tmp_path / "c.conll", "--skip-bad")
        assert (result.code, result.err.splitlines()[-1]) == (0, "1 malformed line skipped")
        assert "2 distinct words" in result.out


class TestConvert:
    @pytest.mark.parametrize(
        ("content", "form"),
        [
            (GLOVE.encode(), "GloVe text"),
            (b"6 2\n" + GLOVE.encode(), "text with a header (word2vec, fastText)"),
            (b"1 2\nthe " + struct.pack("<2f", 3, 4), "word2vec binary"),
        ],
    )
    def test_what_was_recognised_is_said_and_the_table_holds_the_vectors(
        self, tmp_path: Path, content: bytes, form: str
    ):
        (tmp_path / "v").write_bytes(content)
        result = run("vectors", "convert", tmp_path / "v", tmp_path / "t.safetensors")
        assert (result.code, result.out) == (0, "")
        wanted = load_vectors(tmp_path / "v")
        said = result.err.splitlines()
        assert said[-1] == f"{form}: {len(wanted.words)} words, 2 wide; wrote {tmp_path}/t.safetensors, 0.0 MB"
        assert said[:-1] == ["1 row repeats a word; the first row of a word counts"] * wanted.repeated
        found = load_vectors(tmp_path / "t.safetensors")
        assert found.words.strings == wanted.words.strings
        np.testing.assert_array_equal(found.matrix, wanted.matrix)

    def test_a_form_can_be_forced(self, tmp_path: Path):
        (tmp_path / "v").write_bytes(b"400000 100\nthe 5\n")
        assert run("vectors", "convert", tmp_path / "v", tmp_path / "t.safetensors").code == 1
        assert run("vectors", "convert", tmp_path / "v", tmp_path / "t.safetensors", "--from", "glove").code == 0
        assert load_vectors(tmp_path / "t.safetensors").words.strings == ["400000", "the"]

    def test_sennas_folder_is_converted(self, tmp_path: Path):
        (tmp_path / "words.lst").write_text("a\nb\n")
        (tmp_path / "embeddings.txt").write_text("1 2\n3 4\n")
        result = run("vectors", "convert", tmp_path, tmp_path / "t.safetensors")
        assert result.err.startswith("Senna's two files: 2 words, 2 wide")

    def test_stdin_is_read_and_nothing_is_cached(self, tmp_path: Path):
        assert run("vectors", "convert", "-", tmp_path / "t.safetensors", stdin=GLOVE.encode()).code == 0
        assert load_vectors(tmp_path / "t.safetensors").words.strings[0] == "the"
        assert names(Path(os.environ["TAGSMITH_CACHE"])) == []

    def test_training_with_the_table_gives_the_same_bytes_as_with_the_file(self, tmp_path: Path):
        rng = np.random.default_rng(0)
        words = ["the", "of", "in", "a", "is", "from", "he", "works"]
        rows = (f"{word} {' '.join(f'{x:.3f}' for x in rng.normal(size=12))}\n" for word in words)
        (tmp_path / "v.txt").write_text("".join(rows))
        run("vectors", "convert", tmp_path / "v.txt", tmp_path / "t.safetensors")
        models = []
        for vectors in ("v.txt", "t.safetensors"):
            settings = [f"--set={name}={value}" for name, value in {**TINY, "training.epochs": 1}.items()]
            out = tmp_path / f"{vectors}.model"
            words = ["--train", DEMO / "train.conll", "--vectors", tmp_path / vectors, "--out", out, "--quiet"]
            assert run("train", *words, *settings).code == 0
            models.append(out.read_bytes())
        assert models[0] == models[1]


class TestTrim:
    def test_words_of_the_corpus_stay_in_every_form(self, glove: Path, corpus: Path, tmp_path: Path):
        result = run("vectors", "trim", glove, tmp_path / "t.safetensors", "--data", corpus)
        assert (result.code, result.out) == (0, "")
        assert result.err == (
            f"2 of 6 rows kept\nGloVe text: 2 words, 2 wide; wrote {tmp_path}/t.safetensors, 0.0 MB\n"
        )
        vectors = load_vectors(tmp_path / "t.safetensors")
        assert (vectors.words.strings, vectors.matrix.tolist()) == (["the", "id-000"], [[3, 4], [1, 0]])

    def test_the_first_rows_stay(self, glove: Path, tmp_path: Path):
        result = run("vectors", "trim", glove, tmp_path / "t.safetensors", "--top", "5")
        assert result.err.splitlines()[:2] == [
            "5 of 6 rows kept",
            "1 row repeats a word; the first row of a word counts",
        ]
        assert load_vectors(tmp_path / "t.safetensors").words.strings == ["the", "of", "in", "id-000"]

    def test_a_row_stays_that_either_keeps(self, glove: Path, corpus: Path, tmp_path: Path):
        run("vectors", "trim", glove, tmp_path / "t.safetensors", "--data", corpus, "--top", "2")
        assert load_vectors(tmp_path / "t.safetensors").words.strings == ["the", "of", "id-000"]

    def test_a_table_is_trimmed_too_and_stays_what_it_was_made_from(self, glove: Path, tmp_path: Path):
        run("vectors", "convert", glove, tmp_path / "t.safetensors")
        run("vectors", "trim", tmp_path / "t.safetensors", tmp_path / "s.safetensors", "--top", "1")
        vectors = load_vectors(tmp_path / "s.safetensors")
        assert (vectors.words.strings, vectors.format) == (["the"], "glove")

    def test_nothing_is_cached(self, glove: Path, tmp_path: Path):
        run("vectors", "trim", glove, tmp_path / "t.safetensors", "--top", "1")
        assert names(Path(os.environ["TAGSMITH_CACHE"])) == []

    def test_no_row_at_all_is_an_error(self, glove: Path, tmp_path: Path):
        (tmp_path / "c.conll").write_text("xyz O\n")
        result = run("vectors", "trim", glove, tmp_path / "t.safetensors", "--data", tmp_path / "c.conll")
        expected = f"error: {glove}: found no row for any word of the data; expected words that both have\n"
        assert result == Result(1, "", expected)
        assert names(tmp_path) == ["c.conll", "v.txt"]


class TestOutput:
    @pytest.mark.parametrize("words", [["convert"], ["trim", "--top", "1"]], ids=" ".join)
    def test_a_file_that_is_read_is_never_written_over(self, glove: Path, words: list[str]):
        table = glove.with_name("t.safetensors")
        run("vectors", "convert", glove, table)
        before = table.read_bytes()
        result = run("vectors", *words, table, table)
        assert result.err == f"error: {table}: found a file that is also read; expected a file of its own to write to\n"
        assert table.read_bytes() == before

    def test_a_missing_folder_is_an_error_before_anything_is_read(self, tmp_path: Path):
        result = run("vectors", "convert", tmp_path / "none", tmp_path / "nowhere" / "t.safetensors")
        assert (
            result.err
            == f"error: {tmp_path}/nowhere: found no folder that can be written to; expected an existing one\n"
        )

    def test_a_fault_leaves_the_old_table_as_it_was(self, glove: Path, tmp_path: Path):
        run("vectors", "convert", glove, tmp_path / "t.safetensors")
        before = (tmp_path / "t.safetensors").read_bytes()
        glove.write_text(GLOVE + "bad 1\n", "utf-8")
        assert run("vectors", "convert", glove, tmp_path / "t.safetensors").code == 1
        assert (tmp_path / "t.safetensors").read_bytes() == before
        assert names(tmp_path) == ["t.safetensors", "v.txt"]

    def test_an_interrupt_while_writing_leaves_nothing_behind(
        self, glove: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        def stop(arrays: object, path: Path, facts: object) -> None:
            path.write_bytes(b"half a table")
            raise KeyboardInterrupt

        monkeypatch.setattr(tensors, "save_file", stop)
        result = run("vectors", "convert", glove, tmp_path / "t.safetensors")
        assert (result.code, result.err.strip()) == (1, "Aborted!")
        assert names(tmp_path) == ["v.txt"]

    def test_ctrl_c_while_reading_leaves_nothing_behind(self, tmp_path: Path):
        words = [COMMAND, "vectors", "convert", "-", tmp_path / "t.safetensors"]
        process = subprocess.Popen(words, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        assert process.stdin is not None
        process.stdin.write(b"the 1 2\n" * 1_000_000)  # more than a pipe holds: the command reads
        process.stdin.flush()
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate()
        assert (process.returncode, said.strip()) == (1, b"Aborted!")
        assert names(tmp_path) == names(Path(os.environ["TAGSMITH_CACHE"])) == []


class TestProgress:
    def test_a_bar_is_drawn_on_a_terminal_and_nowhere_else(self, tmp_path: Path):
        (tmp_path / "v.txt").write_text("".join(f"w{i} {'1 ' * 50}\n" for i in range(30_000)))
        words = ["vectors", "convert", tmp_path / "v.txt", tmp_path / "t.safetensors"]
        plain = real(*words)
        assert plain.err.count("\n") == 1
        drawn = real(*words, env={"FORCE_COLOR": "1", "COLUMNS": "200", "TERM": "xterm"})
        assert f"reading {tmp_path}/v.txt" in drawn.err
        assert "100 %" in drawn.err
        assert drawn.err.endswith(plain.err)
        assert plain.out == drawn.out == ""
