from __future__ import annotations

import gzip
import json
import os
import subprocess
from pathlib import Path

import pytest

from tagsmith import Tagger, store
from tagsmith.formats import conll
from tests.support.handmade import lexicon_model, of_characters
from tests.support.shell import COMMAND, DEMO, Result, run

COLUMNS = "-DOCSTART- -X- O\n\nJay NN x\nleft VB y\n\n\nNew NN z\nSouth NN z\nWales NN z\n"
TABLE = "Jay : PER\nis : O\nfrom : O\nIndia : LOC\n. : O\n\n"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a model whose predictions are known."""
    path = tmp_path_factory.mktemp("model") / "known.safetensors"
    store.save(lexicon_model(), path)
    return path


def write(path: Path, content: str) -> Path:
    path.write_bytes(content.encode())
    return path


def objects(result: Result) -> list[dict[str, object]]:
    assert (result.code, result.err) == (0, "")
    return [json.loads(line) for line in result.out.splitlines()]


class TestInputs:
    def test_a_text(self, model: Path):
        assert run("tag", model, "--text", "Jay is from India.") == Result(0, TABLE, "")

    def test_texts_come_in_their_order_before_files(self, model: Path, tmp_path: Path):
        file = write(tmp_path / "t.txt", "India\n")
        result = run("tag", model, file, "--text", "Jay", "--text", "left")
        assert result.out == "Jay : PER\n\nleft : O\n\nIndia : LOC\n\n"

    def test_a_text_that_is_the_name_of_a_file_is_still_a_text(
        self, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        write(tmp_path / "Jay", "India")
        monkeypatch.chdir(tmp_path)
        assert run("tag", model, "--text", "Jay").out == "Jay : PER\n\n"

    @pytest.mark.parametrize("words", [[], ["-"]], ids=["nothing", "-"])
    def test_stdin_is_read_where_no_file_is_named_or_a_dash(self, words: list[str], model: Path):
        assert run("tag", model, *words, stdin=b"Jay is from India.\n").out == TABLE

    def test_stdin_may_stand_between_files(self, model: Path, tmp_path: Path):
        one, two = write(tmp_path / "1.txt", "one\n"), write(tmp_path / "2.txt", "two")
        assert run("tag", model, one, "-", two, stdin=b"Jay").out == "one : O\n\nJay : PER\n\ntwo : O\n\n"

    def test_every_line_of_a_text_file_is_a_text(self, model: Path, tmp_path: Path):
        file = write(tmp_path / "t", "Jay left. He did.\r\n\r\nNew\nSouth Wales\n")
        assert [prediction["text"] for prediction in objects(run("tag", model, file, "--to", "jsonl"))] == [
            "Jay left. He did.",
            "",
            "New",
            "South Wales",
        ]

    @pytest.mark.parametrize("name", ["x.conll", "x.iob", "x.bio", "x.conll.gz"])
    def test_columns_are_known_by_name(self, name: str, model: Path, tmp_path: Path):
        packed = gzip.compress(COLUMNS.encode()) if name.endswith("gz") else COLUMNS.encode()
        (tmp_path / name).write_bytes(packed)
        assert (
            run("tag", model, tmp_path / name).out == "Jay : PER\nleft : O\n\nNew : LOC\nSouth : LOC\nWales : LOC\n\n"
        )

    def test_another_ending_is_text_unless_said_otherwise(self, model: Path, tmp_path: Path):
        file = write(tmp_path / "x.tsv", "Jay NN\n")
        assert run("tag", model, file).out == "Jay : PER\nNN : O\n\n"
        assert run("tag", model, file, "--from", "conll").out == "Jay : PER\n\n"

    def test_the_column_of_the_word_is_chosen_by_number(self, model: Path, tmp_path: Path):
        file = write(tmp_path / "x.conll", "1 NN Jay\n2 VB left\n")
        result = run("tag", model, file, "--word-column", -1, "--to", "conll")
        assert result.out == "1 NN Jay B-PER\n2 VB left O\n"

    def test_one_column_is_enough(self, model: Path, tmp_path: Path):
        result = run("tag", model, write(tmp_path / "x.conll", "Jay\nleft\n"), "--to", "conll")
        assert result.out == "Jay B-PER\nleft O\n"

    def test_json_lines_hold_texts_or_tokens(self, model: Path, tmp_path: Path):
        file = write(tmp_path / "x.jsonl", '{"text": "Jay left."}\n\n{"tokens": ["Jay left.", "India"]}\n')
        assert run("tag", model, file).out == "Jay : PER\nleft : O\n. : O\n\nJay left. : O\nIndia : LOC\n\n"

    def test_without_input_on_a_terminal_nothing_is_waited_for(self, model: Path):
        controller, terminal = pytest.importorskip("pty").openpty()
        done = subprocess.run([COMMAND, "tag", model], stdin=terminal, capture_output=True, text=True, timeout=60)
        os.close(controller)
        os.close(terminal)
        assert (done.returncode, done.stdout) == (2, "")
        assert "nothing to tag: give --text, a FILE, or pipe text in" in done.stderr


class TestOutputs:
    @pytest.mark.parametrize("source", ["text", "conll", "conllu", "jsonl"])
    @pytest.mark.parametrize("target", ["table", "conll", "conllu", "jsonl", "spans", "html"])
    def test_every_pair_of_forms_works_from_file_and_stdin(self, source: str, target: str, model: Path, tmp_path: Path):
        words = ["Jay", "is", "from", "India", "."]
        content = {
            "text": "Jay is from India .\n",
            "conll": "Jay\nis\nfrom\nIndia\n.\n\n",
            "conllu": "".join(f"{i}\t{word}" + "\t_" * 8 + "\n" for i, word in enumerate(words, 1)),
            "jsonl": '{"tokens": ["Jay", "is", "from", "India", "."]}\n',
        }[source]
        result = run("tag", model, "--from", source, "--to", target, stdin=content.encode())
        assert (result.code, result.err) == (0, "")
        assert result == run("tag", model, write(tmp_path / "x", content), "--from", source, "--to", target)
        if target == "table":
            assert result.out == TABLE
        elif target == "conll":
            assert result.out.split() == ["Jay", "B-PER", "is", "O", "from", "O", "India", "B-LOC", ".", "O"]
        elif target == "conllu":
            assert [line.split("\t")[3] for line in result.out.split("\n")[:5]] == ["B-PER", "O", "O", "B-LOC", "O"]
        elif target == "spans":
            (prediction,) = objects(result)
            assert [(span["start"], span["end"]) for span in prediction["spans"]] == [(0, 3), (12, 17)]  # type: ignore[index]
        elif target == "jsonl":
            (prediction,) = objects(result)
            assert prediction["text"] == "Jay is from India ."
            assert prediction["tags"] == ["B-PER", "O", "O", "B-LOC", "O"]
        else:
            assert result.out.count("<mark") == 2
            assert "Jay<span>PER</span>" in result.out

    def test_json_lines_have_text_tokens_tags_and_spans(self, model: Path):
        (prediction,) = objects(run("tag", model, "--text", "Jay  left New South Wales", "--to", "jsonl"))
        assert prediction == {
            "text": "Jay  left New South Wales",
            "tokens": ["Jay", "left", "New", "South", "Wales"],
            "tags": ["B-PER", "O", "B-LOC", "I-LOC", "I-LOC"],
            "spans": [
                {"start": 0, "end": 1, "label": "PER", "text": "Jay", "start_char": 0, "end_char": 3},
                {"start": 2, "end": 5, "label": "LOC", "text": "New South Wales", "start_char": 10, "end_char": 25},
            ],
        }

    def test_json_lines_keep_the_other_keys_and_the_gold(self, model: Path, tmp_path: Path):
        given = {"id": 7, "tokens": ["Jay"], "tags": ["O"], "spans": [], "meta": {"a": [1, None]}, "é": "😀"}
        (prediction,) = objects(run("tag", model, write(tmp_path / "x.jsonl", json.dumps(given)), "--to", "jsonl"))
        assert {key: prediction[key] for key in ("id", "meta", "é")} == {"id": 7, "meta": {"a": [1, None]}, "é": "😀"}
        assert (prediction["gold_tags"], prediction["gold_spans"]) == (["O"], [])
        assert prediction["tags"] == ["B-PER"]

    def test_spans_are_written_with_the_text_alone(self, model: Path, tmp_path: Path):
        lines = '{"id": 7, "text": "Jay", "entities": []}\n{"tokens": ["New", "South", "Wales"], "tags": []}\n'
        file = write(tmp_path / "x.jsonl", lines)
        result = run("tag", model, file, "--text", "🦆 Jay  left. From India", "--to", "spans")
        assert objects(result) == [
            {
                "text": "🦆 Jay  left. From India",
                "spans": [{"start": 2, "end": 5, "label": "PER"}, {"start": 18, "end": 23, "label": "LOC"}],
            },
            {"id": 7, "gold_entities": [], "text": "Jay", "spans": [{"start": 0, "end": 3, "label": "PER"}]},
            {
                "given_tokens": ["New", "South", "Wales"],
                "gold_tags": [],
                "text": "New South Wales",
                "spans": [{"start": 0, "end": 15, "label": "LOC"}],
            },
        ]
        (tmp_path / "again.jsonl").write_text(result.out)
        scores = run("evaluate", model, tmp_path / "again.jsonl", "--json")
        assert (scores.code, json.loads(scores.out)["f1"]) == (0, 100.0)

    def test_plain_tags_are_no_spans(self, tmp_path: Path):
        store.save(lexicon_model({"dog": "NOUN"}, "plain"), tmp_path / "m")
        result = run("tag", tmp_path / "m", "--text", "dog", "--to", "spans")
        expected = f"error: {tmp_path}/m: found a model of plain tags; expected one of spans, for --to spans\n"
        assert result == Result(1, "", expected)

    def test_text_is_split_as_the_model_says(self, tmp_path: Path):
        store.save(of_characters(lexicon_model({"ジ": "B-PER", "ェ": "E-PER"})), tmp_path / "m")
        file = write(tmp_path / "x.jsonl", '{"text": "ジェはTokyo"}\n')
        table = "ジ : PER\nェ : PER\nは : O\nTokyo : O\n\n"
        assert run("tag", tmp_path / "m", "--text", "ジェはTokyo", file) == Result(0, table * 2, "")

    def test_the_scheme_of_the_tags_is_chosen(self, model: Path):
        result = run("tag", model, "--text", "Jay left New South Wales", "--to", "conll", "--scheme", "BIOES")
        assert result.out == "Jay\tS-PER\nleft\tO\nNew\tB-LOC\nSouth\tI-LOC\nWales\tE-LOC\n\n"

    def test_out_takes_what_stdout_would_have_had(self, model: Path, tmp_path: Path):
        assert run("tag", model, "--text", "Jay is from India.", "--out", tmp_path / "o") == Result(0, "", "")
        assert (tmp_path / "o").read_text() == TABLE

    def test_an_error_leaves_out_untouched(self, model: Path, tmp_path: Path):
        out, bad = write(tmp_path / "o", "precious"), write(tmp_path / "x.conll", "Jay NN\nleft\n")
        assert run("tag", model, bad, "--out", out).code == 1
        assert sorted(path.name for path in tmp_path.iterdir()) == ["o", "x.conll"]
        assert out.read_text() == "precious"

    def test_plain_tags_are_written_as_they_are(self, tmp_path: Path):
        store.save(lexicon_model({"dog": "NOUN", "in": "B-IN"}, "plain"), tmp_path / "m")
        assert run("tag", tmp_path / "m", "--text", "dog in it").out == "dog : NOUN\nin : IN\nit : O\n\n"
        (prediction,) = objects(run("tag", tmp_path / "m", "--text", "dog in it", "--to", "jsonl"))
        assert (prediction["tags"], prediction["spans"]) == (["NOUN", "B-IN", "O"], [])

    def test_the_predictions_are_those_of_python(self, tiny_model_path: Path):
        tagger = Tagger.load(tiny_model_path)
        sentences = list(conll.read(DEMO / "test.conll"))
        predictions = objects(run("tag", tiny_model_path, DEMO / "test.conll", "--to", "jsonl"))
        assert [tuple(prediction["tags"]) for prediction in predictions] == [  # type: ignore[arg-type]
            prediction.tags for prediction in tagger.tag(sentences)
        ]


class TestColumnsToColumns:
    def test_every_line_and_column_is_kept_and_the_tag_added(self, model: Path, tmp_path: Path):
        result = run("tag", model, write(tmp_path / "x.conll", COLUMNS), "--to", "conll")
        assert result.out == (
            "-DOCSTART- -X- O\n\nJay NN x B-PER\nleft VB y O\n\n\nNew NN z B-LOC\nSouth NN z I-LOC\nWales NN z I-LOC\n"
        )

    @pytest.mark.parametrize(
        ("given", "tagged"),
        [
            ("Jay\tN N\t\nleft\t\t\n", "Jay\tN N\t\tB-PER\nleft\t\t\tO\n"),
            ("Jay   NN\r\nleft VB\r\n\r\n", "Jay   NN B-PER\r\nleft VB O\r\n\r\n"),
            ("Jay NN", "Jay NN B-PER"),
            ("\n\n  \nJay\n", "\n\n  \nJay B-PER\n"),
            ("-DOCSTART-\n\n", "-DOCSTART-\n\n"),
            ("\n", "\n"),
            ("", ""),
        ],
        ids=repr,
    )
    def test_spaces_tabs_line_ends_and_blank_lines_are_kept(self, given: str, tagged: str, model: Path, tmp_path: Path):
        assert run("tag", model, write(tmp_path / "x.conll", given), "--to", "conll") == Result(0, tagged, "")

    def test_removing_the_added_column_gives_the_file_back(self, tiny_model_path: Path):
        result = run("tag", tiny_model_path, DEMO / "test.conll", "--to", "conll")
        without = [line.rpartition("\t")[0] for line in result.out.split("\n")]
        assert "\n".join(without) == (DEMO / "test.conll").read_text()

    @pytest.mark.parametrize("end", ["", "\n", "\n\n", "\r\n\r\n"], ids=repr)
    def test_files_that_follow_one_another_stay_apart(self, end: str, model: Path, tmp_path: Path):
        one, two = write(tmp_path / "1.conll", "Mira NN" + end), write(tmp_path / "2.conll", "Okafor NN\n")
        result = run("tag", model, one, two, one, "--to", "conll", "--out", tmp_path / "out.conll")
        assert result.code == 0
        read = [sentence.tokens for sentence in conll.read(tmp_path / "out.conll")]
        assert read == [("Mira",), ("Okafor",), ("Mira",)]

    def test_columns_and_text_stay_apart(self, model: Path, tmp_path: Path):
        one, two = write(tmp_path / "1.conll", "Mira"), write(tmp_path / "2.txt", "Okafor")
        result = run("tag", model, one, two, one, "--to", "conll", "--text", "first")
        assert result.out.split("\n\n") == ["first\tO", "Mira O", "Okafor\tO", "Mira O"]


TREE = """\
# sent_id = 1
# text = Jay's\tin
1-2\tJay's\t_\t_\t_\t_\t_\t_\t_\tSpaceAfter=No
1\tJay\tJay\tPROPN\tNNP\tNumber=Sing\t0\troot\t0:root\t_
2\t's\tbe\tAUX\t_\t_\t1\tcop\t1:cop\t_
2.1\tnot\tnot\tPART\tRB\t_\t_\t_\t1:advmod\t_

# sent_id = 2
1\tIndia\t_\t_\t_\t_\t_\t_\t_\t_\r
"""


class TestConllu:
    def test_the_tag_is_put_into_its_column_and_all_else_is_kept(self, model: Path, tmp_path: Path):
        file = write(tmp_path / "x.conllu", TREE)
        upos = TREE.replace("PROPN", "B-PER").replace("AUX", "O").replace("India\t_\t_", "India\t_\tB-LOC")
        assert run("tag", model, file, "--to", "conllu") == Result(0, upos, "")
        xpos = TREE.replace("NNP", "B-PER").replace("AUX\t_", "AUX\tO").replace("India\t_\t_\t_", "India\t_\t_\tB-LOC")
        assert run("tag", model, file, "--to", "conllu", "--tag-column", "xpos") == Result(0, xpos, "")

    def test_other_forms_come_out_of_it(self, model: Path, tmp_path: Path):
        file = write(tmp_path / "x.conllu", TREE)
        assert run("tag", model, file).out == "Jay : PER\n's : O\n\nIndia : LOC\n\n"
        assert run("tag", model, file, "--to", "conll").out == "Jay\tB-PER\n's\tO\n\nIndia\tB-LOC\n\n"

    def test_it_comes_out_of_other_forms(self, model: Path, tmp_path: Path):
        rows = "1\tJay\t_\tS-PER" + "\t_" * 6 + "\n2\tleft\t_\tO" + "\t_" * 6 + "\n\n"
        result = run("tag", model, "--text", "Jay left", "--to", "conllu", "--scheme", "BIOES")
        assert result == Result(0, rows, "")
        file = write(tmp_path / "x.conll", "Jay NN\nleft NN")
        assert run("tag", model, file, "--to", "conllu", "--scheme", "BIOES").out == rows

    def test_files_that_follow_one_another_stay_apart(self, model: Path, tmp_path: Path):
        file = write(tmp_path / "x.conllu", TREE.rstrip())
        result = run("tag", model, file, file, "--to", "conllu", "--text", "Jay")
        assert [block.split("\n")[0] for block in result.out.split("\n\n")] == [
            "1\tJay\t_\tB-PER\t_\t_\t_\t_\t_\t_",
            *["# sent_id = 1", "# sent_id = 2"] * 2,
        ]

    def test_lines_that_are_none_are_left_out_on_request(self, model: Path, tmp_path: Path):
        file = write(tmp_path / "x.conllu", "bad\n" + TREE)
        assert run("tag", model, file, "--to", "conllu").err.startswith(f"error: {file}:1: found 1 column ('bad')")
        result = run("tag", model, file, "--to", "conllu", "--skip-bad")
        assert result.out == run("tag", model, write(file, TREE), "--to", "conllu").out

    @pytest.mark.parametrize(("column", "code"), [("form", 1), ("id", 1), ("lemon", 2), ("99", 1)])
    def test_a_column_that_holds_no_tag_is_refused(self, column: str, code: int, model: Path, tmp_path: Path):
        file = write(tmp_path / "x.conllu", TREE)
        result = run("tag", model, file, "--to", "conllu", "--tag-column", column)
        assert (result.code, result.out) == (code, "")

    def test_the_column_goes_with_conllu(self, model: Path):
        assert run("tag", model, "--text", "Jay", "--to", "conll", "--tag-column", "3").code == 2


class TestErrors:
    @pytest.mark.parametrize("name", ["Jay", "none.conll", "none.jsonl", "no/such/folder.txt"])
    def test_a_missing_file_is_an_error_and_never_a_text(self, name: str, model: Path, tmp_path: Path):
        result = run("tag", model, tmp_path / name)
        expected = f"error: {tmp_path / name}: found no such file; expected a file that exists\n"
        assert result == Result(1, "", expected)

    def test_a_missing_file_among_others_is_an_error_before_any_prediction(self, model: Path, tmp_path: Path):
        file = write(tmp_path / "t.txt", "Jay\n" * 9000)  # more than is read ahead
        result = run("tag", model, file, tmp_path / "none")
        assert (result.code, result.out) == (1, "")

    @pytest.mark.parametrize(
        ("name", "content", "line", "expected"),
        [
            ("x.conll", b"Jay NN\nleft\n", 2, "2 columns, as on line 1"),
            ("x.conll", b"Jay\tNN\n\tNN\n", 2, "a token"),
            ("x.jsonl", b'{"text": "a"}\nnot JSON\n', 2, "a JSON object"),
            ("x.jsonl", b'["Jay"]\n', 1, "a JSON object"),
            ("x.jsonl", b'{"words": ["Jay"]}\n', 1, 'a JSON object with "tokens"'),
            ("x.jsonl", b'{"text": 5}\n', 1, 'a JSON object with "tokens"'),
            ("x.jsonl", b'{"tokens": ["Jay", ""]}\n', 1, "a token"),
            ("x.jsonl", b'{"tokens": "Jay"}\n', 1, 'a JSON object with "tokens"'),
            ("x.txt", b"Jay\n\xff\xfeJ\n", 2, "UTF-8 text"),
            ("x.txt", b"Jay\nJ\0a\0y\0\n", 2, "UTF-8 text"),
        ],
    )
    def test_a_malformed_line_is_an_error_with_its_place(
        self, name: str, content: bytes, line: int, expected: str, model: Path, tmp_path: Path
    ):
        (tmp_path / name).write_bytes(content)
        result = run("tag", model, tmp_path / name)
        assert (result.code, result.err.count("\n")) == (1, 1)
        assert result.err.startswith(f"error: {tmp_path}/{name}:{line}: found ")
        assert f"; expected {expected}" in result.err

    @pytest.mark.parametrize(
        ("name", "content"),
        [("x.conll", "Jay NN\nbad\nleft VB\n"), ("x.jsonl", '{"tokens": ["Jay"]}\nbad\n{}\n{"tokens": ["left"]}\n')],
    )
    def test_malformed_lines_are_skipped_on_request_and_counted(
        self, name: str, content: str, model: Path, tmp_path: Path
    ):
        result = run("tag", model, write(tmp_path / name, content), "--skip-bad")
        assert (result.code, result.out.split()) == (0, ["Jay", ":", "PER", "left", ":", "O"])
        skipped = 1 if name == "x.conll" else 2
        assert len(result.err.splitlines()) == skipped + 1
        assert result.err.splitlines()[-1].startswith(f"{skipped} malformed line")

    def test_a_token_that_fits_no_column_is_an_error(self, model: Path, tmp_path: Path):
        file = write(tmp_path / "x.jsonl", '{"tokens": ["a\\tb"]}\n')
        result = run("tag", model, file, "--to", "conll")
        assert (result.code, result.out) == (1, "")
        assert "'a\\tb'" in result.err


def test_columns_in_a_file_named_as_text_are_not_tagged_as_text(tiny_model_path: Path, tmp_path: Path):
    file = write(tmp_path / "test.txt", "Jay B-PER\nleft O\n\n")
    result = run("tag", tiny_model_path, file)
    assert (result.code, result.out) == (1, "")
    assert "found columns of tokens and tags; expected text; say --from conll" in result.err
    assert run("tag", tiny_model_path, file, "--from", "conll").code == 0
    assert run("tag", tiny_model_path, file, "--from", "text").code == 0


def test_without_constraints_the_spans_of_illegal_tags_are_read_and_it_is_said(model: Path):
    words = ("tag", model, "--text", "Mira left Okafor")  # B-PER, O, E-PER, if it may
    result = run(*words, "--constraints", "none")
    assert result.out == "Mira : PER\nleft : O\nOkafor : PER\n\n"
    assert result.err.startswith("decoded without constraints: ")
    held = run(*words, "--constraints", "scheme")
    assert (held, held.err) == (run(*words), "")
    assert held.out != result.out
    assert run(*words, "--constraints", "bioes").code == 2
