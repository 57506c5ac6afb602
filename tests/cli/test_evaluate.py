from __future__ import annotations

import dataclasses
import gzip
import json
from pathlib import Path

import pytest

from tagsmith import Tagger, store
from tagsmith.cli.printing.score_tables import score_table
from tagsmith.config import with_constraints
from tests.support.handmade import lexicon_model, of_characters
from tests.support.shell import DEMO, Result, run

GOLD = "Jay\tB-PER\nleft\tO\nIndia\tB-LOC\n\nRavi\tB-PER\nsaw\tO\nMira\tB-PER\nOkafor\tI-PER\n"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "known.safetensors"
    store.save(lexicon_model(), path)
    return path


@pytest.fixture
def gold(tmp_path: Path) -> Path:
    (tmp_path / "gold.conll").write_text(GOLD)
    return tmp_path / "gold.conll"


def write(path: Path, content: str) -> Path:
    path.write_text(content)
    return path


class TestModel:
    def test_the_table_has_a_row_a_label_and_the_confusions(self, model: Path, gold: Path):
        result = run("evaluate", model, gold)
        assert (result.code, result.err) == (0, "")
        assert result.out.splitlines() == [
            "2 sentences, 7 tokens; accuracy 85.71; 4 spans, 3 predicted, 3 correct",
            "",
            "         precision  recall      F1    gold  predicted  correct",
            "LOC         100.00  100.00  100.00       1          1        1",
            "PER         100.00   66.67   80.00       3          2        2",
            "overall     100.00   75.00   85.71       4          3        3",
            "",
            "tokens by gold label (down) and predicted label (across)",
            "           LOC       O     PER",
            "LOC          1       0       0",
            "O            0       2       0",
            "PER          0       1       3",
        ]

    def test_labels_of_which_the_model_has_none_are_said(self, model: Path, tmp_path: Path):
        file = write(tmp_path / "x", "Jay\tB-person\nleft\tO\nIndia\tB-place\n")
        result = run("evaluate", model, file)
        said = "no prediction can be correct: the file's labels are person place, the model's LOC PER\n"
        assert (result.code, result.err) == (0, said)
        assert run("evaluate", model, write(file, "Jay\tB-person\nIndia\tB-LOC\n")).err == ""
        assert run("evaluate", model, write(file, "Jay\tO\n")).err == ""

    def test_json_has_all_figures_in_percent(self, model: Path, gold: Path):
        result = run("evaluate", model, gold, "--json")
        figures = json.loads(result.out)
        assert figures["task"] == "spans"
        assert figures["f1"] == pytest.approx(100 * 6 / 7)
        assert (figures["precision"], figures["recall"]) == (100.0, 75.0)
        assert figures["accuracy"] == pytest.approx(100 * 6 / 7)
        assert set(figures["labels"]) == {"LOC", "PER"}
        assert figures["labels"]["PER"] == {
            **{"precision": 100.0, "recall": pytest.approx(200 / 3), "f1": pytest.approx(80)},
            **{"gold": 3, "predicted": 2, "correct": 2},
        }
        assert figures["confusion"]["PER"] == {"O": 1, "PER": 3}

    def test_json_and_table_say_what_python_says(self, tiny_model_path: Path):
        scores = Tagger.load(tiny_model_path).evaluate(DEMO / "test.conll")
        assert 0 < scores.f1 < 100
        assert json.loads(run("evaluate", tiny_model_path, DEMO / "test.conll", "--json").out) == scores.as_dict()
        assert run("evaluate", tiny_model_path, DEMO / "test.conll").out == score_table(scores)

    @pytest.mark.parametrize("name", ["gold.conll.gz", "gold.txt", "gold.jsonl", "-"])
    def test_files_are_read_in_any_form(self, name: str, model: Path, gold: Path, tmp_path: Path):
        expected = run("evaluate", model, gold).out
        if name == "-":
            assert run("evaluate", model, "-", stdin=gold.read_bytes()).out == expected
            return
        if name == "gold.jsonl":
            run("convert", gold, tmp_path / name)
        else:
            (tmp_path / name).write_bytes(gzip.compress(GOLD.encode()) if name.endswith("gz") else GOLD.encode())
        assert run("evaluate", model, tmp_path / name).out == expected

    def test_columns_are_chosen_by_number(self, model: Path, tmp_path: Path):
        write(tmp_path / "x", "B-PER 1 Jay\nO 2 left\n")
        result = run("evaluate", model, tmp_path / "x", "--word-column", -1, "--tag-column", 1, "--json")
        assert json.loads(result.out)["f1"] == 100.0

    def test_texts_are_split_as_the_model_says(self, tmp_path: Path):
        store.save(of_characters(lexicon_model({"ジ": "B-PER", "ェ": "E-PER"})), tmp_path / "m")
        line = '{"text": "ジェは", "spans": [{"start": 0, "end": 2, "label": "PER"}]}\n'
        file = write(tmp_path / "x.jsonl", line)
        figures = json.loads(run("evaluate", tmp_path / "m", file, "--json").out)
        assert (figures["f1"], figures["tokens"]) == (100.0, 3)
        assert run("evaluate", tmp_path / "m", file, "--tokenizer", "words").code == 2
        assert run("evaluate", "--gold", file, "--predicted", file).code == 1
        result = run("evaluate", "--gold", file, "--predicted", file, "--tokenizer", "characters", "--json")
        assert json.loads(result.out)["f1"] == 100.0

    def test_malformed_lines_are_skipped_on_request_and_counted_on_stderr(self, model: Path, tmp_path: Path):
        write(tmp_path / "x", "Jay B-PER\nbad\nworse\nleft O\n")
        assert run("evaluate", model, tmp_path / "x").code == 1
        result = run("evaluate", model, tmp_path / "x", "--skip-bad", "--json")
        assert json.loads(result.out)["tokens"] == 2
        assert result.err.splitlines()[-1] == "2 malformed lines skipped"

    @pytest.mark.parametrize("content", ["", "\n\n", "-DOCSTART- -X- O O\n\n"])
    def test_a_file_without_sentences_scores_zero(self, content: str, model: Path, tmp_path: Path):
        figures = json.loads(run("evaluate", model, write(tmp_path / "x", content), "--json").out)
        assert (figures["f1"], figures["accuracy"], figures["sentences"], figures["labels"]) == (0.0, 0.0, 0, {})

    def test_a_tag_that_is_no_span_tag_is_an_error_with_its_line(self, model: Path, tmp_path: Path):
        write(tmp_path / "x", "Jay B-PER\n\nleft O\nIndia LOC\n")
        result = run("evaluate", model, tmp_path / "x")
        assert result.code == 1
        assert result.err.startswith(f"error: {tmp_path}/x:4: found tag 'LOC' at token 'India'; expected O, or one of")

    def test_a_model_of_plain_tags_is_scored_by_accuracy(self, tmp_path: Path):
        store.save(lexicon_model({"dog": "NOUN", "barks": "VERB"}, "plain"), tmp_path / "m")
        write(tmp_path / "x", "dog NOUN\nbarks NOUN\n")
        figures = json.loads(run("evaluate", tmp_path / "m", tmp_path / "x", "--json").out)
        assert (figures["task"], figures["accuracy"]) == ("tokens", 50.0)
        assert "f1" not in figures
        table = run("evaluate", tmp_path / "m", tmp_path / "x").out
        assert table.splitlines()[0] == "1 sentences, 2 tokens; accuracy 50.00"
        assert "overall" not in table


class TestConstraints:
    ILLEGAL = "Mira\tB-PER\nleft\tO\nOkafor\tB-PER\n"  # which the model would tag B-PER, O, E-PER
    TALK = "decoded without constraints: the spans of illegal tag sequences are read as conlleval reads them\n"

    @pytest.fixture
    def illegal(self, tmp_path: Path) -> Path:
        return write(tmp_path / "illegal.conll", self.ILLEGAL)

    def f1(self, *words: object) -> tuple[float, str]:
        result = run("evaluate", *words, "--json")
        return json.loads(result.out)["f1"], result.err

    def test_one_model_is_scored_with_them_and_without(self, model: Path, illegal: Path):
        assert self.f1(model, illegal) == self.f1(model, illegal, "--constraints", "scheme") == (0.0, "")
        assert self.f1(model, illegal, "--constraints", "none") == (100.0, self.TALK)

    def test_the_models_own_are_the_default(self, illegal: Path, tmp_path: Path):
        free = with_constraints((known := lexicon_model()).config, "none")
        store.save(dataclasses.replace(known, config=free), tmp_path / "m")
        assert self.f1(tmp_path / "m", illegal) == (100.0, self.TALK)
        assert self.f1(tmp_path / "m", illegal, "--constraints", "scheme") == (0.0, "")

    def test_plain_tags_have_none(self, tmp_path: Path):
        store.save(lexicon_model({"dog": "NOUN", "barks": "VERB"}, "plain"), tmp_path / "m")
        write(tmp_path / "x", "dog NOUN\nbarks VERB\n")
        result = run("evaluate", tmp_path / "m", tmp_path / "x", "--constraints", "none", "--json")
        assert (json.loads(result.out)["accuracy"], result.err) == (100.0, "")

    def test_two_files_have_none(self, gold: Path):
        assert run("evaluate", "--gold", gold, "--predicted", gold, "--constraints", "none").code == 2


class TestTwoFiles:
    def test_they_are_scored_tag_by_tag_as_conlleval_does(self, gold: Path, tmp_path: Path):
        found = GOLD.replace("Jay\tB-PER", "Jay\tB-LOC").replace("Okafor\tI-PER", "Okafor\tB-PER")
        result = run("evaluate", "--gold", gold, "--predicted", write(tmp_path / "out", found), "--json")
        figures = json.loads(result.out)
        assert (figures["gold"], figures["predicted"], figures["correct"]) == (4, 5, 2)
        assert figures["accuracy"] == pytest.approx(100 * 5 / 7)

    def test_a_file_against_itself_is_perfect(self):
        figures = json.loads(
            run("evaluate", "--gold", DEMO / "test.conll", "--predicted", DEMO / "test.conll", "--json").out
        )
        assert (figures["f1"], figures["accuracy"]) == (100.0, 100.0)
        assert set(figures["labels"]) == {"PER", "LOC", "ORG", "MISC"}

    def test_what_tag_writes_scores_as_the_model_does(self, tiny_model_path: Path, tmp_path: Path):
        run("tag", tiny_model_path, DEMO / "test.conll", "--to", "conll", "--out", tmp_path / "out.conll")
        of_files = run("evaluate", "--gold", DEMO / "test.conll", "--predicted", tmp_path / "out.conll")
        of_model = run("evaluate", tiny_model_path, DEMO / "test.conll")
        assert (of_files.code, of_files.out) == (of_model.code, of_model.out)

    def test_one_file_may_hold_both_columns(self, tmp_path: Path):
        write(tmp_path / "both", "Jay B-PER O\nleft O O\nIndia B-LOC B-LOC\n")
        words = ["--gold", tmp_path / "both", "--predicted", tmp_path / "both", "--tag-column", 2, "--json"]
        figures = json.loads(run("evaluate", *words, "--predicted-column", 3).out)
        assert (figures["gold"], figures["predicted"], figures["correct"]) == (2, 1, 1)

    def test_tags_without_spans_are_scored_by_accuracy(self, tmp_path: Path):
        gold, found = write(tmp_path / "a", "dog NOUN\nbarks VERB\n"), write(tmp_path / "b", "dog NOUN\nbarks NOUN\n")
        figures = json.loads(run("evaluate", "--gold", gold, "--predicted", found, "--json").out)
        assert (figures["task"], figures["accuracy"]) == ("tokens", 50.0)

    def test_one_wrong_tag_is_named_and_does_not_change_the_measure(self, gold: Path, tmp_path: Path):
        write(tmp_path / "out", GOLD.replace("Jay\tB-PER", "Jay\tPER"))
        result = run("evaluate", "--gold", gold, "--predicted", tmp_path / "out")
        assert (result.code, result.out) == (1, "")
        assert f"{tmp_path}/out:1: found tag 'PER' at token 'Jay'" in result.err

    def test_the_predicted_column_goes_with_two_files(self, gold: Path):
        assert run("evaluate", "model", gold, "--predicted-column", 2).code == 2

    def test_another_token_is_an_error_that_names_both_lines(self, gold: Path, tmp_path: Path):
        write(tmp_path / "out", "-DOCSTART- O\n\n" + GOLD.replace("Mira", "Myra"))
        result = run("evaluate", "--gold", gold, "--predicted", tmp_path / "out")
        assert result == Result(
            1, "", f"error: {tmp_path}/out:9: found token 'Myra'; expected 'Mira', as in {gold}:7\n"
        )

    def test_a_sentence_that_ends_elsewhere_is_an_error_that_names_both_files(self, gold: Path, tmp_path: Path):
        write(tmp_path / "out", GOLD.replace("India\tB-LOC\n", ""))
        result = run("evaluate", "--gold", gold, "--predicted", tmp_path / "out")
        assert (result.code, result.out) == (1, "")
        assert f"{tmp_path}/out:2: " in result.err
        assert f"found the end of the sentence; expected 'India', as in {gold}:3" in result.err

    @pytest.mark.parametrize("shorter", ["gold", "predicted"])
    def test_a_missing_sentence_is_an_error_with_the_line_of_its_counterpart(
        self, shorter: str, gold: Path, tmp_path: Path
    ):
        short = write(tmp_path / "short", GOLD.partition("\n\n")[0] + "\n")
        files = {"gold": gold, "predicted": gold, shorter: short}
        result = run("evaluate", "--gold", files["gold"], "--predicted", files["predicted"])
        assert result.code == 1
        assert result.err == (
            f"error: {gold}:5: found a sentence with no counterpart in the {shorter} file; "
            "expected as many sentences in both files\n"
        )
