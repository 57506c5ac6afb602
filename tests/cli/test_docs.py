from __future__ import annotations

import os
import runpy
import subprocess
from pathlib import Path

import pytest

from tests.support.shell import COMMAND

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("columns", ["40", "200"])
def test_the_page_is_what_the_script_writes_at_any_width(columns: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", columns)
    page = runpy.run_path(str(DOCS / "make_cli.py"))["render"]()
    assert (DOCS / "cli.md").read_text("utf-8") == page, "update it with: python docs/make_cli.py"


def test_the_page_holds_what_the_installed_command_prints():
    env = {**os.environ, "COLUMNS": "100"}
    printed = subprocess.run([COMMAND, "tag", "--help"], capture_output=True, text=True, env=env).stdout
    assert f"\n## tagsmith tag\n\n```text\n{printed}```\n" in (DOCS / "cli.md").read_text("utf-8")
