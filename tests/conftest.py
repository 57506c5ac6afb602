"""What many tests share: a cache of their own, and one tiny model trained once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
import torch

from tagsmith import Tagger
from tests.support.devices import device
from tests.support.handmade import DEMO, TINY
from tests.support.local_server import Server, serving
from tests.support.memory import dirty_memory

__all__ = ["device", "dirty_memory"]  # fixtures

hypothesis.settings.register_profile("tests", deadline=None)  # the first call of a kernel compiles it
hypothesis.settings.load_profile("tests")


def pytest_configure(config: pytest.Config) -> None:
    """Compiled kernels are kept from one run of the tests to the next, and shared by all processes.

    Without a GPU, Triton's kernels are interpreted, which Triton must know before anything imports it.
    """
    if not torch.cuda.is_available():
        os.environ["TRITON_INTERPRET"] = "1"
    os.environ["NUMBA_CACHE_DIR"] = str(config.rootpath / ".pytest_cache" / "kernels")
    if not hasattr(config, "workerinput"):  # once, before any worker
        subprocess.run([sys.executable, "-m", "tests.support.warm"], cwd=config.rootpath, check=True)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the user's cache folder."""
    monkeypatch.setenv("TAGSMITH_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="session")
def tiny_model_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model file trained for a moment on the corpus in the package: quick, and not good."""
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    Tagger.train(DEMO / "train.conll", DEMO / "dev.conll", settings=TINY, out=path, progress=False)
    return path


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A real HTTP server on this machine."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serving() as running:
        yield running
