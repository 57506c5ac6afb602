from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tagsmith import DataError
from tagsmith.cli.printing.pages import (
    PAGE,
    PAGE_OR_PICTURE,
    check_page_path,
    write_errors,
    write_reliability,
    write_transitions,
)
from tagsmith.metrics import score
from tagsmith.quality.calibration import CalibrationReport
from tagsmith.quality.mistakes import analyse
from tagsmith.quality.reliability import measure_reliability
from tagsmith.quality.transitions import learned_transitions
from tests.support.handmade import random_model

Captured = pytest.CaptureFixture[str]


class TestCheckPagePath:
    @pytest.mark.parametrize("name", ["x.html", "x.HTML", "x.png"])
    def test_a_page_or_a_picture_can_be_written(self, name: str, tmp_path: Path):
        check_page_path(str(tmp_path / name), PAGE_OR_PICTURE, None, str(tmp_path / "other"))

    @pytest.mark.parametrize("name", ["x.png", "x.pdf", "x", "html"])
    def test_another_ending_is_refused(self, name: str, tmp_path: Path):
        with pytest.raises(DataError, match=r"found a name of another ending; expected one that ends in \.html$"):
            check_page_path(str(tmp_path / name), PAGE)

    def test_an_input_is_never_overwritten(self, tmp_path: Path):
        with pytest.raises(DataError, match="a file that is also read"):
            check_page_path(str(tmp_path / "x.html"), PAGE, None, str(tmp_path / "x.html"))

    def test_a_folder_must_exist(self, tmp_path: Path):
        with pytest.raises(DataError, match="no folder that can be written to"):
            check_page_path(str(tmp_path / "none" / "x.html"), PAGE)


FORMS = pytest.mark.parametrize(("name", "start"), [("x.html", b"<!doctype html>"), ("x.png", b"\x89PNG")])


@FORMS
def test_transitions_are_a_page_or_a_picture(name: str, start: bytes, tmp_path: Path, capsys: Captured):
    transitions = learned_transitions(random_model(1))
    assert transitions is not None
    write_transitions(transitions, "A title", str(tmp_path / name))
    assert (tmp_path / name).read_bytes().startswith(start)
    assert capsys.readouterr() == ("", f"wrote {tmp_path / name}\n")


@FORMS
def test_reliability_is_a_page_or_a_picture(name: str, start: bytes, tmp_path: Path, capsys: Captured):
    measured = measure_reliability(np.array([0.5, 0.9]), np.array([False, True]))
    write_reliability(CalibrationReport(1.5, measured, measured, False, True), "A title", str(tmp_path / name))
    assert (tmp_path / name).read_bytes().startswith(start)
    assert capsys.readouterr() == ("", f"wrote {tmp_path / name}\n")


def test_errors_are_a_page(tmp_path: Path, capsys: Captured):
    write_errors(analyse([], score([], spans=True)), "A title", str(tmp_path / "x.html"))
    assert "<title>A title" in (tmp_path / "x.html").read_text()
    assert capsys.readouterr().err == f"wrote {tmp_path / 'x.html'}\n"
