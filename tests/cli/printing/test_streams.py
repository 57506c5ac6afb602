from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from tagsmith import DataError, Tagger, store
from tagsmith.cli.printing.streams import SkippedLines, output, print_json, progress_bar, warn_if_unconstrained
from tagsmith.config import with_constraints
from tests.support.handmade import lexicon_model

Captured = pytest.CaptureFixture[str]


class TestSkippedLines:
    def test_the_first_are_shown_and_all_are_counted(self, capsys: Captured):
        skipped = SkippedLines(True)
        assert skipped.on_bad is not None
        for line in range(1, 6):
            skipped.on_bad(DataError("x", "y", source="file", line=line))
        skipped.print_count()
        shown = [f"skipped: file:{line}: found x; expected y" for line in (1, 2, 3)]
        assert capsys.readouterr() == ("", "\n".join([*shown, "5 malformed lines skipped", ""]))

    @pytest.mark.parametrize(("count", "text"), [(0, "0 malformed lines skipped"), (1, "1 malformed line skipped")])
    def test_the_count_is_said_in_english(self, count: int, text: str, capsys: Captured):
        skipped = SkippedLines(True)
        skipped.count = count
        skipped.print_count()
        assert capsys.readouterr().err == f"{text}\n"

    def test_nothing_is_printed_where_nothing_is_skipped(self, capsys: Captured):
        skipped = SkippedLines(False)
        assert skipped.on_bad is None
        skipped.print_count()
        assert capsys.readouterr() == ("", "")


class TestOutput:
    @pytest.mark.parametrize("path", [None, "-"])
    def test_it_is_stdout(self, path: str | None, capsys: Captured):
        with output(path) as stream:
            stream.write("é\n")
        assert capsys.readouterr().out == "é\n"

    def test_a_file_appears_whole_or_not_at_all(self, tmp_path: Path):
        path = tmp_path / "out"
        with output(str(path)) as stream:
            stream.write("é\r\n\n")
            assert not path.exists()
        assert path.read_bytes() == "é\r\n\n".encode()

        def fail() -> None:
            with output(str(path)) as stream:
                stream.write("half")
                raise DataError("a", "b")

        with pytest.raises(DataError):
            fail()
        assert path.read_bytes() == "é\r\n\n".encode()
        assert list(tmp_path.iterdir()) == [path]


def test_json_is_indented(capsys: Captured):
    print_json({"a": [1, None], "é": 0.5})
    out = capsys.readouterr().out
    assert json.loads(out) == {"a": [1, None], "é": 0.5}
    assert '\n  "é": 0.5' in out


def test_a_note_says_that_tags_may_be_illegal(tmp_path: Path, capsys: Captured):
    for name, scheme in (("spans", "BIOES"), ("plain", "plain")):
        model = lexicon_model({"a": "S-X" if name == "spans" else "X"}, scheme)
        store.save(dataclasses.replace(model, config=with_constraints(model.config, "none")), tmp_path / name)
    warn_if_unconstrained(Tagger.load(tmp_path / "spans", compiled=False))
    assert capsys.readouterr().err.startswith("decoded without constraints")
    warn_if_unconstrained(Tagger.load(tmp_path / "plain", compiled=False))
    warn_if_unconstrained(Tagger.load(tmp_path / "spans", constraints="scheme", compiled=False))
    assert capsys.readouterr().err == ""


def test_there_is_no_bar_where_stderr_is_no_terminal(capsys: Captured):
    with progress_bar("reading") as watch:
        assert watch is None
    assert capsys.readouterr() == ("", "")
