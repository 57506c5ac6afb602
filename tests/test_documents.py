"""README and the pages: their Python runs, their links lead somewhere, their commands exist."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import click
import pytest

from tagsmith.cli import app

ROOT = Path(__file__).parents[1]


def test_its_python_runs(
    tiny_model_path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL | re.MULTILINE)
    if not blocks:
        pytest.skip("README has no Python")
    shutil.copy(tiny_model_path, tmp_path / "ner.safetensors")
    monkeypatch.chdir(tmp_path)
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {"__name__": "readme"})
    assert capsys.readouterr().out


def test_its_links_lead_somewhere():
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
    for page in pages:
        for target in re.findall(r"\]\((?!https?://)([^)#]+)\)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_commands_it_shows_exist():
    shown = re.findall(r"^ +tagsmith ([\w-]+)", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)
    assert set(shown) == set(app.list_commands(click.Context(app)))
