from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tagsmith.errors import MissingExtra, TagsmithError
from tagsmith.extras import require


def test_a_missing_module_is_an_error_with_the_line_that_installs_it():
    with pytest.raises(MissingExtra) as caught:
        require("no_such_module_anywhere", "The Thing", "train")
    assert str(caught.value) == "The Thing is not installed; install it with: pip install 'tagsmith[train]'"


def test_the_error_is_an_import_error_and_one_of_ours():
    with pytest.raises(ImportError):
        require("no_such_module_anywhere", "The Thing", "train")
    assert issubclass(MissingExtra, TagsmithError)


def test_an_installed_module_is_found_but_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "only_looked_for.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    require("only_looked_for", "It", "train")
    assert "only_looked_for" not in sys.modules


def test_a_module_made_unavailable_counts_as_missing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtra, match="PyTorch is not installed"):
        require("torch", "PyTorch", "train")
