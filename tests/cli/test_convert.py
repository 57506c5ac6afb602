from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from tagsmith.formats import conll
from tagsmith.schemes import SCHEMES, is_legal, read_spans
from tests.support.shell import DEMO, Result, run

IOB1 = (
    "-DOCSTART- -X- -X- O\n\n"
    "Jay NNP I-NP I-PER\nEU NNP I-NP I-ORG\nUN NNP B-NP B-ORG\nin IN I-PP O\n"
    "New NNP I-NP I-LOC\nYork NNP I-NP I-LOC\n\n\n"
    "It PRP I-NP O\n"
)
BIOES = (
    "-DOCSTART- -X- -X- O\n\n"
    "Jay NNP I-NP S-PER\nEU NNP I-NP S-ORG\nUN NNP B-NP S-ORG\nin IN I-PP O\n"
    "New NNP I-NP B-LOC\nYork NNP I-NP E-LOC\n\n\n"
    "It PRP I-NP O\n"
)
IOB2 = BIOES.replace("S-", "B-").replace("E-", "I-")
TREE = """\
# sent_id = 1
# text = Jay's not\there
1-2\tJay's\t_\t_\t_\t_\t_\t_\t_\tSpaceAfter=No
1\tJay\tJay\tPROPN\tB-PER\tNumber=Sing\t0\troot\t0:root\t_
2\t's\tbe\tAUX\tO\t_\t1\tcop\t1:cop\t_
2.1\tnot\tnot\tPART\tB-X\t_\t_\t_\t1:advmod\t_

# sent_id = 2
# newpar id = B-PER of 2
1\tB-PER\tU-PER\tX\tO\t_\t0\troot\t_\t_

# the end of it"""


def write(path: Path, content: str) -> Path:
    path.write_bytes(content.encode())
    return path


class TestSchemes:
    def test_iob1_to_bioes_to_iob2_changes_the_tags_and_nothing_else(self, tmp_path: Path):
        write(tmp_path / "iob1", IOB1)
        assert run("convert", tmp_path / "iob1", tmp_path / "bioes", "--scheme", "BIOES").code == 0
        assert (tmp_path / "bioes").read_text() == BIOES
        assert run("convert", tmp_path / "bioes", tmp_path / "iob2", "--scheme", "IOB2").code == 0
        assert (tmp_path / "iob2").read_text() == IOB2

    @pytest.mark.parametrize("scheme", SCHEMES)
    def test_the_spans_of_a_whole_corpus_stay(self, scheme: str, tmp_path: Path):
        assert run("convert", DEMO / "train.conll", tmp_path / "out", "--scheme", scheme).code == 0
        before, after = list(conll.read(DEMO / "train.conll")), list(conll.read(tmp_path / "out"))
        assert [s.tokens for s in after] == [s.tokens for s in before]
        assert [read_spans(s.tags or ()) for s in after] == [read_spans(s.tags or ()) for s in before]
        assert all(is_legal(SCHEMES[scheme], s.tags or ()) for s in after)

    @pytest.mark.parametrize("scheme", SCHEMES)
    def test_there_and_back_gives_the_bytes_of_the_corpus(self, scheme: str, tmp_path: Path):
        run("convert", DEMO / "dev.conll", tmp_path / "other", "--scheme", scheme)
        run("convert", tmp_path / "other", tmp_path / "iob2", "--scheme", "IOB2")
        assert (tmp_path / "iob2").read_bytes() == (DEMO / "dev.conll").read_bytes()

    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            ("I-PER\t\tJay\r\nO\t\tis\r\n", "S-PER\t\tJay\r\nO\t\tis\r\n"),
            ("I-PER   x  Jay \nO  y is", "S-PER   x  Jay \nO  y is"),
        ],
        ids=repr,
    )
    def test_only_the_chosen_column_changes(self, given: str, expected: str, tmp_path: Path):
        words = ["--scheme", "BIOES", "--tag-column", 1, "--word-column", -1]
        assert run("convert", write(tmp_path / "a", given), tmp_path / "b", *words).code == 0
        assert (tmp_path / "b").read_bytes().decode() == expected

    def test_without_a_scheme_columns_stay_as_they_are(self, tmp_path: Path):
        run("convert", write(tmp_path / "a", IOB1), tmp_path / "b")
        assert (tmp_path / "b").read_text() == IOB1

    def test_a_file_may_be_converted_in_place(self, tmp_path: Path):
        file = write(tmp_path / "a", IOB1)
        assert run("convert", file, file, "--scheme", "IOB2").code == 0
        assert file.read_text() == IOB2


class TestForms:
    def test_columns_to_json_lines_keep_words_and_tags_and_say_what_is_lost(self, tmp_path: Path):
        result = run("convert", write(tmp_path / "a.conll", IOB1), tmp_path / "b.jsonl")
        assert [json.loads(line) for line in (tmp_path / "b.jsonl").read_text().splitlines()] == [
            {
                "tokens": ["Jay", "EU", "UN", "in", "New", "York"],
                "tags": ["I-PER", "I-ORG", "B-ORG", "O", "I-LOC", "I-LOC"],
            },
            {"tokens": ["It"], "tags": ["O"]},
        ]
        assert result.err.splitlines() == [
            f"{tmp_path}/a.conll: only words and tags were kept",
            "2 sentences",
        ]

    def test_malformed_lines_are_left_out_of_columns_as_well(self, tmp_path: Path):
        file = write(tmp_path / "a.conll", "a\tB-X\n\tO\nb\tO\n\n")
        result = run("convert", file, tmp_path / "b.conll", "--skip-bad")
        assert (tmp_path / "b.conll").read_text() == "a\tB-X\nb\tO\n\n"
        assert "1 malformed line skipped" in result.err

    @pytest.mark.parametrize(
        ("words", "row"),
        [
            ([], ["1", "Jay", "_", "S-PER", *"______"]),
            (["--out-column", "xpos"], ["1", "Jay", "_", "_", "S-PER", *"_____"]),
            (["--out-column", "-1"], ["1", "Jay", *"_______", "S-PER"]),
        ],
    )
    def test_columns_become_conllu_with_the_tag_under_upos_or_another_column(
        self, words: list[str], row: list[str], tmp_path: Path
    ):
        out = tmp_path / "b.conllu"
        assert run("convert", write(tmp_path / "a.conll", BIOES), out, *words, "--tag-column", 4).code == 0
        lines = out.read_text().split("\n")
        assert lines[0].split("\t") == row
        assert [line.split("\t")[0] for line in lines] == [*"123456", "", "1", "", ""]

    @pytest.mark.parametrize("column", ["form", "ID", "11", "-10"])
    def test_a_column_that_holds_no_tag_is_refused(self, column: str, tmp_path: Path):
        result = run("convert", write(tmp_path / "a.conll", IOB1), tmp_path / "b.conllu", "--out-column", column)
        assert (result.code, result.out) == (1, "")
        assert result.err.startswith("error: found ")
        assert not (tmp_path / "b.conllu").exists()

    def test_a_column_of_out_is_chosen_only_where_there_is_a_choice(self, tmp_path: Path):
        file = write(tmp_path / "a.conll", IOB1)
        assert run("convert", file, tmp_path / "b.conll", "--out-column", "xpos").code == 2
        assert run("convert", file, tmp_path / "b", "--from", "conllu", "--to", "conllu", "--out-column", 4).code == 2

    def test_json_lines_and_back_keep_words_and_tags(self, tmp_path: Path):
        run("convert", DEMO / "test.conll", tmp_path / "a.jsonl")
        run("convert", tmp_path / "a.jsonl", tmp_path / "b.conll")
        assert (tmp_path / "b.conll").read_bytes() == (DEMO / "test.conll").read_bytes()

    def test_spans_of_a_text_become_tags_and_tags_become_spans(self, tmp_path: Path):
        line = '{"text": "Jay didn\'t. New York", "spans": [{"start": 12, "end": 20, "label": "LOC"}]}\n'
        file = write(tmp_path / "a.jsonl", line)
        columns = run("convert", file, "-", "--to", "conll", "--scheme", "BIOES").out
        assert columns == "Jay\tO\ndid\tO\nn't\tO\n.\tO\n\nNew\tB-LOC\nYork\tE-LOC\n\n"
        result = run("convert", "-", "-", "--to", "spans", stdin=columns.encode())
        assert [json.loads(line) for line in result.out.splitlines()] == [
            {"text": "Jay did n't .", "spans": []},
            {"text": "New York", "spans": [{"start": 0, "end": 8, "label": "LOC"}]},
        ]
        assert "only words and tags were kept" in result.err

    def test_a_span_inside_a_token_is_an_error_or_left_out_with_its_line(self, tmp_path: Path):
        line = '{"text": "トムは", "spans": [{"start": 0, "end": 2, "label": "PER"}]}\n'
        file = write(tmp_path / "a.jsonl", line)
        result = run("convert", file, "-", "--to", "conll")
        assert (result.code, result.out) == (1, "")
        assert result.err.startswith(f"error: {file}:1: found span [0, 2) PER 'トム'; expected the borders of tokens")
        assert run("convert", file, "-", "--to", "conll", "--skip-bad").err.count("1 malformed line skipped") == 1
        result = run("convert", file, "-", "--to", "conll", "--tokenizer", "characters")
        assert (result.code, result.out) == (0, "ト\tB-PER\nム\tI-PER\nは\tO\n\n")

    def test_the_spans_of_a_corpus_come_back_from_its_text(self, tmp_path: Path):
        run("convert", DEMO / "test.conll", tmp_path / "a.jsonl", "--to", "spans")
        run("convert", tmp_path / "a.jsonl", tmp_path / "b.conll")
        before, after = (
            [
                (label, "".join(sentence.tokens[start:end]))
                for sentence in conll.read(path)
                for start, end, label in read_spans(sentence.tags or ())
            ]
            for path in (DEMO / "test.conll", tmp_path / "b.conll")
        )
        assert after == before
        assert len(after) > 100

    def test_the_form_is_chosen_by_option_where_the_name_says_nothing(self, tmp_path: Path):
        words = ["convert", "-", "-", "--from", "jsonl", "--to", "conll"]
        result = run(*words, stdin=b'{"tokens": ["Jay"], "tags": ["I-PER"]}\n')
        assert result == Result(0, "Jay\tI-PER\n\n", "<stdin>: only words and tags were kept\n1 sentence\n")

    def test_a_dash_is_stdin_and_stdout(self):
        assert run("convert", "-", "-", "--scheme", "IOB2", stdin=IOB1.encode()) == Result(0, IOB2, "2 sentences\n")

    def test_gzip_is_read(self, tmp_path: Path):
        (tmp_path / "a.conll.gz").write_bytes(gzip.compress(IOB1.encode()))
        assert run("convert", tmp_path / "a.conll.gz", "-", "--scheme", "IOB2").out == IOB2

    def test_conllu_becomes_columns(self, tmp_path: Path):
        rows = [["1", "Jay", "jay", "PROPN", *"______"], ["2", "left", "leave", "VERB", *"______"]]
        text = "# text = Jay left\n" + "".join("\t".join(row) + "\n" for row in rows) + "\n"
        assert run("convert", write(tmp_path / "a.conllu", text), "-").out == "Jay\tPROPN\nleft\tVERB\n\n"

    def test_from_conllu_to_conllu_the_tags_change_and_nothing_else(self, tmp_path: Path):
        file = write(tmp_path / "a.conllu", TREE)
        assert run("convert", file, "-", "--to", "conllu").out == TREE
        result = run("convert", file, "-", "--to", "conllu", "--tag-column", "xpos", "--scheme", "BILOU")
        assert result == Result(0, TREE.replace("PROPN\tB-PER", "PROPN\tU-PER"), "2 sentences\n")

    @pytest.mark.parametrize("content", ["", "\n", "-DOCSTART- O\n\n"])
    def test_a_file_without_sentences_is_converted_to_itself(self, content: str, tmp_path: Path):
        result = run("convert", write(tmp_path / "a", content), "-", "--scheme", "BIOES")
        assert result == Result(0, content, "0 sentences\n")


class TestErrors:
    @pytest.mark.parametrize(
        ("content", "found"),
        [
            ("Jay B-PER\nleft O\nIndia NOUN\n", ":3: found tag 'NOUN' at token 'India'"),
            ("Jay B-PER\n\nleft O\nIndia\n", ":4: found 1 column ('India')"),
            ("Jay B-PER\nle\0ft O\n", ":2: found a NUL byte"),
        ],
    )
    def test_an_error_leaves_out_as_it_was_and_no_file_behind(self, content: str, found: str, tmp_path: Path):
        file, out = write(tmp_path / "a", content), write(tmp_path / "out", "precious")
        result = run("convert", file, out, "--scheme", "BIOES")
        assert (result.code, result.out) == (1, "")
        assert result.err.startswith(f"error: {file}{found}")
        assert out.read_text() == "precious"
        assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "out"]

    def test_an_error_makes_no_new_file(self, tmp_path: Path):
        file = write(tmp_path / "a.jsonl", '{"tokens": ["Jay"]}\n')
        assert run("convert", file, tmp_path / "out").err.startswith(f"error: {file}:1: found an object with keys ")
        assert [path.name for path in tmp_path.iterdir()] == ["a.jsonl"]

    def test_a_token_that_fits_no_column_is_an_error(self, tmp_path: Path):
        file = write(tmp_path / "a.jsonl", '{"tokens": ["a\\nb"], "tags": ["O"]}\n')
        result = run("convert", file, tmp_path / "out")
        assert result.err.startswith(f"error: {file}:1: found 'a\\nb'; expected a token or tag fit for a column")

    def test_a_folder_that_is_not_there_is_an_error(self, tmp_path: Path):
        result = run("convert", write(tmp_path / "a", IOB1), tmp_path / "nowhere" / "out")
        assert (result.code, result.err.count("\n")) == (1, 1)
        assert str(tmp_path / "nowhere") in result.err

    def test_malformed_lines_are_counted_on_request(self, tmp_path: Path):
        file = write(tmp_path / "a", "Jay I-PER\nbad\nleft O\n")
        result = run("convert", file, tmp_path / "out.jsonl", "--skip-bad")
        assert json.loads((tmp_path / "out.jsonl").read_text()) == {"tokens": ["Jay", "left"], "tags": ["I-PER", "O"]}
        assert result.err.splitlines()[0].startswith(f"skipped: {file}:2: found 1 column")
        assert result.err.splitlines()[-2:] == ["1 malformed line skipped", "1 sentence"]
