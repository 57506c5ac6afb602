"""The common behaviour of all commands: help, exit codes, one line for an error, streams, and imports."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tagsmith import store
from tests.support.handmade import lexicon_model
from tests.support.shell import COMMAND, DEMO, Result, real, run

COMMANDS = [
    "train",
    "evaluate",
    "tag",
    "serve",
    "check-int8",
    "calibrate",
    "convert",
    "check",
    "info",
    "models",
    "vectors",
    "data",
    "bench",
    "reproduce",
]
WITHIN = [
    *(["vectors", command] for command in ("info", "convert", "trim")),
    *(["data", command] for command in ("list", "show", "get", "check")),
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "known.safetensors"
    store.save(lexicon_model(), path)
    return path


def torch_free(*words: object, stdin: bytes = b"") -> Result:
    """Run the installed command, and check that it imports neither PyTorch nor matplotlib."""
    result = real(*words, stdin=stdin, env={"PYTHONPROFILEIMPORTTIME": "1"})
    lines = result.err.splitlines()
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in lines if line.startswith("import time:")}
    assert "click" in imported
    assert not imported & {"torch", "matplotlib"}
    talk = [line for line in lines if not line.startswith("import time:")]
    return Result(result.code, result.out, "\n".join(talk))


class TestHelp:
    def test_the_commands_are_listed_with_what_they_do(self):
        result = run("--help")
        assert result.code == 0
        listed = [line.split()[0] for line in result.out.partition("Commands:\n")[2].splitlines()]
        assert listed == COMMANDS

    @pytest.mark.parametrize("words", [[], *([command] for command in COMMANDS), *WITHIN], ids=str)
    def test_help_opens_with_an_example(self, words: list[str]):
        result = run(*words, "--help")
        assert (result.code, result.err) == (0, "")
        usage, what, example, *_ = result.out.split("\n\n")
        assert usage.startswith(" ".join(["Usage: tagsmith", *words]))
        assert what.strip().endswith(".")
        assert example.startswith(f"  Example:\n    {' '.join(['tagsmith', *words])} ")

    @pytest.mark.parametrize("words", [[], *([command] for command in COMMANDS), *WITHIN], ids=str)
    def test_short_help_is_the_same(self, words: list[str]):
        assert run(*words, "-h") == run(*words, "--help")

    def test_version(self):
        assert real("--version") == Result(0, "tagsmith 0.1.0\n", "")

    def test_python_m_runs_the_same_commands(self):
        done = subprocess.run([sys.executable, "-m", "tagsmith", "--help"], capture_output=True, text=True)
        assert (done.returncode, done.stdout, done.stderr) == (0, run("--help").out, "")

    @pytest.mark.parametrize("words", [["--help"], ["train", "--help"]], ids=str)
    def test_help_imports_no_torch(self, words: list[str]):
        assert torch_free(*words).code == 0

    def test_every_command_shows_help_and_training_says_what_is_missing_where_there_is_no_torch(self, tmp_path: Path):
        script = f"""
import sys
sys.modules["torch"] = sys.modules["matplotlib"] = None
from tagsmith.cli import run
print([run([command, "--help"]) for command in {COMMANDS}], file=sys.stderr)
print(run(["train", "--train", "{DEMO}/train.conll", "--out", "{tmp_path}/m.safetensors"]), file=sys.stderr)
"""
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        assert done.stdout.count("Example:") == len(COMMANDS)
        assert done.stderr.splitlines() == [
            str([0] * len(COMMANDS)),
            "error: PyTorch is not installed; install it with: pip install 'tagsmith[train]'",
            "1",
        ]
        assert list(tmp_path.iterdir()) == []


class TestNoTorch:
    def test_work_without_training_imports_no_torch(self, model: Path, tmp_path: Path):
        gold = DEMO / "test.conll"
        assert torch_free("convert", gold, tmp_path / "out.conll", "--scheme", "BIOES").code == 0
        assert torch_free("check", gold).code == 0
        (tmp_path / "v.txt").write_text("the 1 2\nof 3 4\n")
        assert torch_free("vectors", "info", tmp_path / "v.txt", "--data", gold).code == 0
        assert torch_free("vectors", "trim", tmp_path / "v.txt", tmp_path / "v.safetensors", "--data", gold).code == 0
        assert torch_free("evaluate", "--gold", gold, "--predicted", tmp_path / "out.conll").code == 0
        assert torch_free("tag", model, "--text", "Jay").out == "Jay : PER\n\n"
        assert torch_free("evaluate", model, gold).code == 0


class TestExitCodes:
    @pytest.mark.parametrize(
        "words",
        [
            ["nothing"],
            ["--nothing"],
            ["train"],
            ["train", "--train", "x.conll"],
            ["train", "--train", "x.conll", "--out", "y", "--epochs", "0"],
            ["train", "--train", "x.conll", "--out", "y", "--epochs", "many"],
            ["train", "--train", "x.conll", "--out", "y", "--seed", "-1"],
            ["train", "x.conll", "--train", "x.conll", "--out", "y"],
            ["evaluate"],
            ["evaluate", "model"],
            ["evaluate", "--gold", "x"],
            ["evaluate", "--predicted", "x"],
            ["evaluate", "model", "file", "--gold", "x", "--predicted", "y"],
            ["evaluate", "model", "file", "more"],
            ["tag"],
            ["tag", "model", "--to", "pdf", "--text", "x"],
            ["tag", "model", "--from", "pdf", "--text", "x"],
            ["tag", "model", "--scheme", "IOB", "--text", "x"],
            ["tag", "model", "--word-column", "one", "--text", "x"],
            ["convert", "x"],
            ["convert", "x", "y", "--scheme", "IOB"],
            ["convert", "x", "y", "--to", "html"],
            ["check"],
            ["info"],
            ["info", "one", "two"],
            ["vectors", "nothing"],
            ["vectors", "info"],
            ["vectors", "info", "one", "two"],
            ["vectors", "info", "one", "--from", "fasttext"],
            ["vectors", "convert", "one"],
            ["vectors", "convert", "one", "two.txt"],
            ["vectors", "trim", "one", "two.safetensors"],
            ["vectors", "trim", "one", "two.safetensors", "--top", "0"],
        ],
        ids=" ".join,
    )
    def test_wrong_usage_is_2_with_a_hint_and_nothing_on_stdout(self, words: list[str]):
        result = run(*words)
        assert (result.code, result.out) == (2, "")
        assert result.err.startswith("Usage: tagsmith")
        assert "\nError: " in result.err

    @pytest.mark.parametrize(
        "words",
        [
            ["info", "none"],
            ["vectors", "info", "none"],
            ["vectors", "convert", "none", "out.safetensors"],
            ["vectors", "trim", "none", "out.safetensors", "--top", "5"],
            ["vectors", "trim", "none", "none.safetensors", "--data", "none"],
            ["evaluate", "none", "none"],
            ["tag", "none", "--text", "x"],
            ["convert", "none", "-"],
            ["check", "none"],
            ["evaluate", "--gold", "none", "--predicted", "none"],
            ["train", "--train", "none", "--out", "m"],
        ],
        ids=" ".join,
    )
    def test_a_missing_file_is_1_with_one_line_that_names_it(
        self, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.chdir(tmp_path)
        result = run(*words)
        assert (result.code, result.out) == (1, "")
        assert result.err.startswith("error: none: found no such file; expected ")
        assert result.err.count("\n") == 1
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(
        "words", [["info"], ["evaluate", "--gold"], ["tag"], ["convert"], ["check"], ["train"]], ids=" ".join
    )
    def test_a_folder_in_place_of_a_file_is_1_with_one_line(self, words: list[str], model: Path, tmp_path: Path):
        rest = {
            "evaluate": [tmp_path, "--predicted", tmp_path],
            "tag": [model, tmp_path],
            "convert": [tmp_path, "-"],
            "train": ["--train", tmp_path, "--out", tmp_path / "m"],
        }
        result = run(*words, *rest.get(words[0], [tmp_path]))
        assert (result.code, result.out, result.err.count("\n")) == (1, "", 1)
        assert result.err.startswith(f"error: {tmp_path}: found ")
        assert list(tmp_path.iterdir()) == []

    def test_the_installed_command_ends_with_the_same_code_and_line(self, tmp_path: Path):
        result = real("info", tmp_path / "none")
        expected = (
            f"error: {tmp_path}/none: found no such file; expected a tagsmith model file or one of: en-ner, en-pos\n"
        )
        assert result == Result(1, "", expected)

    @pytest.mark.parametrize("command", ["info", "evaluate", "tag"])
    def test_a_damaged_model_is_1_with_one_line(self, command: str, model: Path, tmp_path: Path):
        bad = tmp_path / "bad.safetensors"
        content = bytearray(model.read_bytes())
        content[-1] ^= 1
        bad.write_bytes(content)
        rest = {"evaluate": [DEMO / "test.conll"], "tag": ["--text", "Jay"]}
        result = run(command, bad, *rest.get(command, []))
        expected = f"error: {bad}: the content does not match its SHA-256; the file was changed or damaged\n"
        assert result == Result(1, "", expected)


class TestStreams:
    def test_a_reader_that_goes_away_ends_the_command_quietly(self, model: Path, tmp_path: Path):
        (tmp_path / "big.txt").write_text("Jay is from India.\n" * 5000)
        head = subprocess.run(
            f"'{COMMAND}' tag '{model}' '{tmp_path}/big.txt' | head -1", shell=True, capture_output=True
        )
        assert (head.stdout, head.stderr) == (b"Jay : PER\n", b"")

    @pytest.mark.parametrize("words", [["tag", "MODEL", "--text", "Jay"], ["info", "MODEL"], ["--help"]], ids=" ".join)
    def test_a_reader_that_was_never_there_ends_the_command_quietly(self, words: list[str], model: Path):
        reader, writer = os.pipe()
        os.close(reader)
        arguments = [str(model) if word == "MODEL" else word for word in words]
        done = subprocess.run([COMMAND, *arguments], stdout=writer, stderr=subprocess.PIPE)
        os.close(writer)
        assert (done.returncode, done.stderr) == (1, b"")

    def test_output_is_utf8_in_any_locale(self, model: Path):
        env = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}
        assert real("tag", model, stdin="Søren 😀 中".encode(), env=env).out == "Søren : O\n😀 : O\n中 : O\n\n"

    def test_a_file_name_that_is_no_text_can_still_be_named_in_an_error(self):
        assert (
            real("info", "no\udcff").err
            == "error: no\\udcff: found no such file; expected a tagsmith model file or one of: en-ner, en-pos\n"
        )
