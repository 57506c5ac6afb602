from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

from tests.support.shell import real, run


def test_a_missing_extra_is_reported_with_the_command_that_installs_it(
    tiny_model_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    result = run("serve", tiny_model_path)
    assert result.code == 1
    assert result.err == "error: uvicorn is not installed; install it with: pip install 'tagsmith[serve]'\n"


def test_a_missing_file_is_reported_before_anything_starts(tmp_path: Path):
    result = run("serve", tmp_path / "none.safetensors")
    assert result.code == 1
    assert "none.safetensors: found no such file" in result.err


def test_two_models_of_one_name_are_a_usage_error(tiny_model_path: Path):
    result = run("serve", tiny_model_path, f"tiny={tiny_model_path}")
    assert result.code == 2
    assert "two models are named tiny" in result.err


def test_a_model_larger_than_the_memory_is_an_error(tmp_path: Path):
    big = tmp_path / "big.safetensors"
    with big.open("wb") as file:
        file.truncate(3_000_000)
    result = real("serve", big, "--memory", 2)
    assert result.code == 1
    assert "big: found a model of 3000000 bytes; expected at most 2000000, as --memory says" in result.err


def test_a_port_in_use_is_one_clear_error(tiny_model_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = real("serve", tiny_model_path, "--port", port)
    assert result.code == 1
    assert f"error: 127.0.0.1:{port}: found " in result.err
    assert "Traceback" not in result.err
