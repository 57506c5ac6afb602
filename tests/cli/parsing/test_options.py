from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from tagsmith import Columns, DataError, formats, store
from tagsmith.cli.parsing import options
from tests.support.handmade import lexicon_model


def arguments(*decorators: Any, words: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return what a command with these options gets from these words."""
    got: dict[str, Any] = {}

    def function(**values: Any) -> None:
        got.update(values)

    for decorator in decorators:
        function = decorator(function)
    result = CliRunner().invoke(click.command()(function), list(words), catch_exceptions=False)
    if result.exit_code:
        raise click.UsageError(result.output)
    return got


class TestColumns:
    def test_two_options_make_one_argument(self):
        assert arguments(options.columns) == {"columns": Columns()}
        words = ("--word-column", "2", "--tag-column", "xpos")
        assert arguments(options.columns, words=words) == {"columns": Columns(2, "xpos")}

    def test_a_name_that_is_no_column_is_wrong_usage(self):
        with pytest.raises(click.UsageError, match="'one' is neither a number nor one of id, form"):
            arguments(options.columns, words=("--tag-column", "one"))


def test_malformed_lines_raise_unless_they_are_to_be_skipped():
    assert arguments(options.skip_bad)["skipped"].on_bad is None
    skipped = arguments(options.skip_bad, words=("--skip-bad",))["skipped"]
    skipped.on_bad(DataError("a", "b"))
    assert skipped.count == 1


class TestRules:
    def test_files_and_labels_make_one_argument(self):
        words = ("--rules", "a", "--rules", "b", "--labels", "PER,LOC")
        assert arguments(options.rules, words=words) == {"rules": options.RuleOptions(("a", "b"), "PER,LOC")}
        assert arguments(options.rules)["rules"].read() is None

    def test_files_and_labels_are_rules_together(self, tmp_path: Path):
        (tmp_path / "r.jsonl").write_text('{"tokens": ["India"], "label": "LOC"}\n')
        rules = options.RuleOptions((str(tmp_path / "r.jsonl"),), "PER, LOC").read()
        assert rules is not None
        assert len(rules) == 2

    def test_an_empty_label_is_refused(self):
        with pytest.raises(click.BadParameter, match="expected labels with commas between them"):
            options.RuleOptions(labels="PER,").read()


def test_the_options_of_an_engine_make_one_argument_that_loads_models(tmp_path: Path):
    store.save(lexicon_model(), tmp_path / "m")
    words = ("--constraints", "none", "--precision", "fp32", "--threads", "1")
    engine = arguments(options.engine, words=words)["engine"]
    assert engine == options.EngineOptions("none", "cpu", 1, "fp32")
    tagger = engine.load(str(tmp_path / "m"), compiled=False)
    assert (tagger.model.config.decode.constraints, tagger.precision) == ("none", "fp32")


class TestFormats:
    def test_choices_and_help_come_from_the_table(self):
        option = options.format_option("--to", "target", formats.writable, "Format of OUT")
        assert arguments(option, words=("--to", "spans")) == {"target": "spans"}
        with pytest.raises(click.UsageError, match="'html' is not one of 'conll', 'conllu', 'jsonl', 'spans'"):
            arguments(option, words=("--to", "html"))
        shown = CliRunner().invoke(click.command()(option(lambda target: None)), ["--help"]).output
        assert "--to [conll|conllu|jsonl|spans]" in shown
        assert all(formats.FORMATS[name].description in " ".join(shown.split()) for name in formats.writable())


class TestCheckedTarget:
    def test_it_is_the_model_itself_or_out(self, tmp_path: Path):
        model, out = str(tmp_path / "m"), str(tmp_path / "out")
        assert options.checked_target(model, None, "dev") == model
        assert options.checked_target(model, out, "dev") == out

    def test_an_input_is_never_overwritten(self, tmp_path: Path):
        with pytest.raises(DataError, match="a file that is also read"):
            options.checked_target("m", str(tmp_path / "dev"), str(tmp_path / "dev"))

    def test_a_model_of_the_package_is_never_overwritten(self):
        with pytest.raises(DataError):
            options.checked_target("en-ner", None)


@pytest.mark.parametrize(("names", "text"), [(["a"], "a"), (["a", "b"], "a or b"), (["a", "b", "c"], "a, b or c")])
def test_names_are_listed_in_words(names: list[str], text: str):
    assert options.listed(names) == text
