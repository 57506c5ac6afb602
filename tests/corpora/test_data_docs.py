from __future__ import annotations

import re
import runpy
from pathlib import Path

from tagsmith.corpora import read_registry

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "data.md").read_text("utf-8")


def test_the_table_is_what_the_script_writes():
    render = runpy.run_path(str(DOCS / "make_data.py"))["render"]
    assert render(PAGE) == PAGE, "run: python docs/make_data.py"


def test_the_table_is_not_empty():
    assert all(f"| `{name}` |" in PAGE for name in read_registry().entries)


def test_the_example_registry_can_be_read(tmp_path: Path):
    shown = re.findall(r"^```toml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    assert len(shown) == 1
    (tmp_path / "mine.toml").write_text(shown[0], "utf-8")
    assert read_registry(tmp_path / "mine.toml").corpus("mine").files["train"].name == "train.conll"
