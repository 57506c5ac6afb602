from __future__ import annotations

import json
from pathlib import Path

import pytest

from tagsmith import Tagger, store
from tagsmith.cli.printing.score_tables import score_table
from tagsmith.schemes import SCHEMES
from tests.support.shell import DEMO, Result, real, run

SMALL = ["words.dim=4", "chars.dim=4", "chars.filters=4", "encoder.size=8"]
SETTINGS = [word for setting in SMALL for word in ("--set", setting)]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of the first sentences of the corpus in the package."""
    path = tmp_path_factory.mktemp("corpus") / "few.conll"
    path.write_text("\n\n".join((DEMO / "train.conll").read_text().split("\n\n")[:12]) + "\n")
    return path


@pytest.fixture(scope="module")
def trained(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """A training with the installed command: the model, and what the command printed."""
    model = tmp_path_factory.mktemp("trained") / "ner.safetensors"
    files = ["--train", corpus, "--dev", corpus, "--test", corpus, "--out", model]
    return model, real("train", *files, "--epochs", 2, "--seed", 3, *SETTINGS)


class TestTraining:
    def test_model_log_and_picture_are_written_and_nothing_else(self, trained: tuple[Path, Result]):
        model, result = trained
        assert result.code == 0
        assert sorted(path.name for path in model.parent.iterdir()) == ["ner.log.jsonl", "ner.png", "ner.safetensors"]

    def test_stderr_has_the_data_a_line_an_epoch_and_the_model(self, trained: tuple[Path, Result]):
        model, result = trained
        first, one, two, last = result.err.splitlines()
        assert first.startswith("training on 12 sentences, ")
        assert first.endswith("; 12 sentences for dev")
        assert one.startswith("epoch   1  loss ")
        assert two.startswith("epoch   2  loss ")
        assert "tokens/s  dev P " in one
        assert last.startswith(f"all epochs done; wrote {model}, from epoch ")

    def test_stdout_has_the_table_of_the_test_file_alone(self, trained: tuple[Path, Result], corpus: Path):
        model, result = trained
        assert result.out == score_table(Tagger.load(model).evaluate(corpus))
        assert result.out.splitlines()[2].split() == ["precision", "recall", "F1", "gold", "predicted", "correct"]

    def test_the_log_has_a_line_for_the_start_and_for_each_epoch(self, trained: tuple[Path, Result]):
        lines = [json.loads(line) for line in trained[0].with_name("ner.log.jsonl").read_text().splitlines()]
        assert [line["event"] for line in lines] == ["start", "epoch", "epoch"]
        assert lines[0]["config"]["encoder"]["size"] == 8
        assert lines[0]["config"]["training"]["seed"] == 3
        assert [line["epoch"] for line in lines[1:]] == [1, 2]
        assert all(0 <= line["dev"]["f1"] <= 100 and line["loss"] > 0 for line in lines[1:])

    @pytest.mark.parametrize(
        ("scheme", "tags", "said"), [("BIOES", "B-LOC B-PER B-DATE", "DATE LOC"), ("plain", "NN VB DT", "DT VB")]
    )
    def test_labels_of_dev_that_cannot_be_learned_are_said(self, scheme: str, tags: str, said: str, tmp_path: Path):
        known = tags.split()[1] if scheme != "plain" else "NN"
        (tmp_path / "train").write_text(f"a {known}\nb {known}\n")
        (tmp_path / "dev").write_text("".join(f"w {tag}\n\n" for tag in tags.split()))
        words = ["--train", tmp_path / "train", "--out", tmp_path / "m", "--epochs", 1, *SETTINGS]
        words += ["--set", f"scheme={scheme}", "--dev"]
        line = f"labels in dev that are not in the training data, so never predicted: {said}"
        assert line in run("train", *words, tmp_path / "dev").err.splitlines()
        assert "never predicted" not in run("train", *words, tmp_path / "train").err

    def test_the_picture_is_a_png(self, trained: tuple[Path, Result]):
        assert trained[0].with_name("ner.png").read_bytes().startswith(b"\x89PNG\r\n")

    def test_the_settings_travel_in_the_model(self, trained: tuple[Path, Result]):
        config = store.load(trained[0]).config
        assert (config.words.dim, config.encoder.size, config.training.seed, config.training.epochs) == (4, 8, 3, 2)

    def test_quiet_prints_nothing(self, corpus: Path, tmp_path: Path):
        result = run("train", "--train", corpus, "--out", tmp_path / "m", "--quiet", "--epochs", 1, *SETTINGS)
        assert result == Result(0, "", "")
        assert (tmp_path / "m").is_file()

    def test_a_toml_file_sets_settings_and_set_wins_over_it(self, corpus: Path, tmp_path: Path):
        (tmp_path / "my.toml").write_text("[encoder]\nsize = 6\n[words]\ndim = 5\n")
        files = ["--train", corpus, "--out", tmp_path / "m", "--config", tmp_path / "my.toml"]
        assert run("train", *files, "--epochs", 1, "--set", "encoder.size=7", "--quiet").code == 0
        config = store.load(tmp_path / "m").config
        assert (config.encoder.size, config.words.dim) == (7, 5)

    def test_vectors_give_the_width_and_their_coverage_is_said(self, corpus: Path, tmp_path: Path):
        (tmp_path / "v.txt").write_text("the 1 2 3\nthe 4 5 6\nunheard 7 8 9\n")
        files = ["--train", corpus, "--out", tmp_path / "m", "--vectors", tmp_path / "v.txt"]
        result = run("train", *files, "--epochs", 1, "--set", "encoder.size=8")
        assert "vectors for 2 words (GloVe text); of the " in result.err
        assert " words of the training data: 1 exact (" in result.err
        assert "1 rows of the vectors repeat a word; the first row of each word is used" in result.err
        model = store.load(tmp_path / "m")
        assert model.config.words.dim == 3
        assert model.weights["words.vectors"][model.alphabets.words.id_of("unheard")].tolist() == [7, 8, 9]

    def test_columns_are_chosen_by_number(self, tmp_path: Path):
        (tmp_path / "x").write_text("1 B-PER Jay NN\n2 O left VB\n")
        files = ["--train", tmp_path / "x", "--out", tmp_path / "m", "--word-column", 3, "--tag-column", 2]
        assert run("train", *files, "--epochs", 1, "--quiet", *SETTINGS).code == 0
        model = store.load(tmp_path / "m")
        assert model.alphabets.words.strings == ["", "jay", "left"]
        assert "S-PER" in model.tags

    def test_plain_tags_are_trained_on_with_a_setting(self, tmp_path: Path):
        (tmp_path / "x").write_text("Jay NN\nleft VB\n")
        files = ["--train", tmp_path / "x", "--dev", tmp_path / "x", "--out", tmp_path / "m"]
        result = run("train", *files, "--epochs", 1, "--set", "scheme=plain", *SETTINGS)
        assert " tokens/s  dev accuracy " in result.err
        assert store.load(tmp_path / "m").tags == ("NN", "VB")

    @pytest.mark.parametrize("scheme", SCHEMES)
    def test_a_model_of_any_scheme_is_trained_and_answers_in_any(self, scheme: str, tmp_path: Path):
        (tmp_path / "x").write_text("Ann B-PER\nBo B-PER\nBo I-PER\nleft O\n" * 8)
        files = ["--train", tmp_path / "x", "--dev", tmp_path / "x", "--out", tmp_path / "m"]
        settings = ["--set", f"scheme={scheme}", "--epochs", 12, "--set", "training.learning_rate=0.3"]
        assert run("train", *files, *SETTINGS, *settings, "--quiet").code == 0
        assert store.load(tmp_path / "m").tags == tuple(SCHEMES[scheme].tags(["PER"]))
        assert json.loads(run("evaluate", tmp_path / "m", tmp_path / "x", "--json").out)["f1"] == 100.0

    @pytest.mark.parametrize(("words", "tags"), [([], ["PROPN", "VERB"]), (["--tag-column", "xpos"], ["NNP", "VBZ"])])
    def test_conllu_is_trained_on_by_either_column(self, words: list[str], tags: list[str], tmp_path: Path):
        rows = "1-2\tJays\t" + "\t".join("_" * 8) + "\n1\tJay\tJay\tPROPN\tNNP" + "\t_" * 5
        (tmp_path / "x.conllu").write_text(f"# text = Jays\n{rows}\n2\ts\tbe\tVERB\tVBZ" + "\t_" * 5 + "\n")
        settings = ["--set", "scheme=plain", "--epochs", 1, *SETTINGS]
        result = run("train", "--train", tmp_path / "x.conllu", "--out", tmp_path / "m", *words, *settings)
        assert (result.code, list(store.load(tmp_path / "m").tags)) == (0, tags)

    def test_texts_with_spans_are_trained_on(self, tmp_path: Path):
        line = '{"text": "トムはTokyoに。行く", "spans": [{"start": 0, "end": 2, "label": "PER"}]}\n'
        (tmp_path / "x.jsonl").write_text(line * 2)
        files = ["--train", tmp_path / "x.jsonl", "--dev", tmp_path / "x.jsonl", "--out", tmp_path / "m"]
        settings = ["--epochs", 1, "--set", "tokenizer=characters", *SETTINGS]
        assert run("train", *files, *settings).err.startswith("training on 4 sentences, 16 tokens")
        model = store.load(tmp_path / "m")
        assert model.config.tokenizer == "characters"
        assert {"ト", "tokyo", "。"} <= {*model.alphabets.words.strings}
        assert_one_line(
            run("train", *files, *settings[:2]), f"error: {tmp_path}/x.jsonl:1: found span [0, 2) PER 'トム'"
        )

    def test_malformed_lines_are_skipped_on_request_and_counted(self, tmp_path: Path):
        (tmp_path / "x").write_text("Jay B-PER\nbad\nleft O\n")
        files = ["--train", tmp_path / "x", "--out", tmp_path / "m", "--quiet", "--epochs", 1]
        assert run("train", *files, *SETTINGS).err == (
            f"error: {tmp_path}/x:2: found 1 column ('bad'); expected 2 columns, as on line 1\n"
        )
        result = run("train", *files, *SETTINGS, "--skip-bad")
        assert (result.code, result.err.splitlines()[-1]) == (0, "1 malformed line skipped")


class TestErrors:
    @pytest.mark.parametrize("option", ["--train", "--dev", "--test", "--vectors", "--config"])
    @pytest.mark.parametrize("wrong", ["missing", "folder"])
    def test_a_file_that_is_not_there_or_is_a_folder(self, option: str, wrong: str, corpus: Path, tmp_path: Path):
        (tmp_path / "folder").mkdir()
        files = {"--train": corpus, "--out": tmp_path / "m", option: tmp_path / wrong}
        result = run("train", *[word for pair in files.items() for word in pair])
        assert_one_line(result, f"error: {tmp_path}/{wrong}: found ")
        assert [path.name for path in tmp_path.iterdir()] == ["folder"]

    @pytest.mark.parametrize(
        ("words", "line"),
        [
            (["--set", "encoder.size=big"], "error: encoder.size: expected `int`, got `str`"),
            (["--set", "encoder.size=0"], "error: encoder.size: "),
            (
                ["--set", "encoder.sise=5"],
                "error: found setting 'encoder.sise'; expected one of: scheme, tokenizer, words.dim, ",
            ),
            (["--set", "encoder.size"], "error: found --set 'encoder.size'; expected name=value, such as "),
            (["--set", "scheme=IOB"], "error: scheme: "),
            (["--preset", "best"], "error: found preset 'best'; expected one of: ner"),
            (["--device", "abacus"], "error: device 'abacus': "),
            (["--word-column", "0"], "error: found column 0; expected columns counted from 1, or from the end "),
            (["--tag-column", "9"], "error: "),
        ],
        ids=lambda value: " ".join(value) if isinstance(value, list) else "",
    )
    def test_a_bad_setting(self, words: list[str], line: str, corpus: Path, tmp_path: Path):
        assert_one_line(run("train", "--train", corpus, "--out", tmp_path / "m", *words), line)
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("name", ["epochs", "seed"])
    def test_a_setting_given_twice_must_agree(self, name: str, corpus: Path, tmp_path: Path):
        words = ["--train", corpus, "--out", tmp_path / "m", f"--{name}", 1, "--set", f"training.{name}=2", *SETTINGS]
        line = f"error: training.{name} is given twice: 2 by its name, 1 by its short form"
        assert_one_line(run("train", *words), line)
        words = [word if word != f"training.{name}=2" else f"training.{name}=1" for word in words]
        assert run("train", *words, "--set", "training.patience=1", "--dev", corpus, "--quiet").code == 0

    def test_a_toml_file_that_is_none(self, corpus: Path, tmp_path: Path):
        (tmp_path / "my.toml").write_text("encoder = [")
        files = ["--train", corpus, "--out", tmp_path / "m", "--config", tmp_path / "my.toml"]
        assert_one_line(run("train", *files), f"error: {tmp_path}/my.toml: not TOML: ")

    @pytest.mark.parametrize("out", ["nowhere/m", "a_file/m", "."])
    def test_a_place_for_the_model_that_cannot_be_written_to(self, out: str, corpus: Path, tmp_path: Path):
        (tmp_path / "a_file").write_text("")
        assert_one_line(run("train", "--train", corpus, "--out", tmp_path / out), f"error: {tmp_path}")
        assert [path.name for path in tmp_path.iterdir()] == ["a_file"]

    @pytest.mark.parametrize(
        ("content", "line"),
        [
            ("", "found no sentences; expected at least one tagged sentence"),
            ("-DOCSTART- -X- O O\n\n", "found no sentences; expected at least one tagged sentence"),
            ("Jay O\n", "found no spans: every tag is O; expected at least one labelled span to learn from"),
            ("Jay\n", "1 column ('Jay')"),
            ("Jay NN\n", ":1: found tag 'NN' at token 'Jay'"),
            ("Jay B-PER\0\n", ":1: found a NUL byte"),
            ("Jay\xe9 B-PER\n", ":1: found byte 0xE9"),
        ],
    )
    def test_data_that_cannot_be_learned_from(self, content: str, line: str, tmp_path: Path):
        (tmp_path / "x").write_bytes(content.encode("latin-1"))
        result = run("train", "--train", tmp_path / "x", "--out", tmp_path / "m")
        assert_one_line(result, "error: ")
        assert line in result.err
        assert [path.name for path in tmp_path.iterdir()] == ["x"]

    def test_a_dev_file_that_cannot_be_scored_on(self, corpus: Path, tmp_path: Path):
        (tmp_path / "dev").write_text("Jay O\nleft VERB\n")
        result = run("train", "--train", corpus, "--dev", tmp_path / "dev", "--out", tmp_path / "m")
        assert_one_line(result, f"error: {tmp_path}/dev:2: found tag 'VERB' at token 'left'")
        assert [path.name for path in tmp_path.iterdir()] == ["dev"]

    def test_vectors_of_another_width_than_set(self, corpus: Path, tmp_path: Path):
        (tmp_path / "v").write_text("the 1 2 3\n")
        files = ["--train", corpus, "--out", tmp_path / "m", "--vectors", tmp_path / "v", "--set", "words.dim=4"]
        assert_one_line(run("train", *files), "error: words.dim is 4, but the vectors of ")
        assert [path.name for path in tmp_path.iterdir()] == ["v"]

    def test_a_model_that_is_there_stays_as_it_was(self, trained: tuple[Path, Result], corpus: Path, tmp_path: Path):
        (tmp_path / "m").write_bytes(trained[0].read_bytes())
        run("train", "--train", corpus, "--out", tmp_path / "m", "--set", "encoder.size=big")
        assert (tmp_path / "m").read_bytes() == trained[0].read_bytes()


def assert_one_line(result: Result, start: str) -> None:
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith(start)
    assert result.err.count("\n") == 1


def test_a_file_that_is_read_is_never_written_over(tmp_path: Path):
    corpus = tmp_path / "x.conll"
    corpus.write_text("a\tB-X\n\n")
    result = run("train", "--train", corpus, "--out", corpus)
    assert result.code == 1
    assert "found a file that is also read" in result.err
    assert corpus.read_text() == "a\tB-X\n\n"
