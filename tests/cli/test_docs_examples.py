"""The examples of the pages on quality, run as they stand."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from tests.support.handmade import DEMO
from tests.support.shell import run

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("page", ["explanations.md", "calibration.md"])
def test_every_command_and_all_python_of_the_page_runs(
    page: str, tiny_model_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    shutil.copy(tiny_model_path, tmp_path / "ner.safetensors")
    for part in ("dev", "test"):
        shutil.copy(DEMO / f"{part}.conll", tmp_path)
    monkeypatch.chdir(tmp_path)
    text = (DOCS / page).read_text("utf-8")
    commands = re.findall(r"^    tagsmith (.*(?:ner|calibrated)\.safetensors.*)$", text, re.MULTILINE)
    assert commands
    for command in commands:
        result = run(*shlex.split(command, comments=True))
        assert result.code == 0, (command, result.err)
    for block in re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        exec(compile(block, page, "exec"), {"__name__": "example"})
