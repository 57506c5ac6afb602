"""A shell command in a new process, and in this one."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest

from tagsmith.bench.jobs.shell import prepare
from tagsmith.bench.runner import BenchTask
from tagsmith.bench.setting import BenchSetting
from tagsmith.formats.table import table


def test_a_new_process_returns_what_it_prints(setting: BenchSetting):
    words = ["tag", setting.model, "--text", "Jay is from India."]
    output = prepare(BenchTask({"what": "start", "words": words}))()()
    assert output == table(setting.tagger.tag("Jay is from India."))


def test_this_process_returns_the_hash_of_the_file(
    setting: BenchSetting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sys, "argv", [])
    written = tmp_path / "out.conll"
    words = ["tag", setting.model, setting.test, "--from", "conll", "--to", "conll", "--out", str(written)]
    output = prepare(BenchTask({"what": "memory", "words": words, "written": str(written)}))()()
    assert output == hashlib.sha256(written.read_bytes()).hexdigest()
    failing = BenchTask({"what": "memory", "words": ["tag", "nowhere"], "written": str(written)})
    with pytest.raises(RuntimeError, match=r"^exit code "):
        prepare(failing)()()
