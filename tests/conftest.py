"""Fixtures that many tests share: a cache folder, compiled kernels, one tiny model, a server."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from tagsmith import Tagger
from tests.support.devices import device, has_gpu
from tests.support.handmade import DEMO, TINY
from tests.support.local_server import Server, serving
from tests.support.memory import dirty_memory
from tests.support.warm import compile_once

__all__ = ["device", "dirty_memory"]  # fixtures
TESTS = Path(__file__).parent

hypothesis.settings.register_profile("tests", deadline=None)  # the first call of a kernel compiles it
hypothesis.settings.load_profile("tests")


READ_STDERR = ("cli", "serve", "reproduce")
"""Folders whose tests start commands and read what they print: a line about compiling would be in the way."""


def pytest_configure(config: pytest.Config) -> None:
    """Keep compiled kernels from one test run to the next, in a folder that all processes share.

    Without a GPU, Triton's kernels are interpreted. Triton must know that before anything imports it.
    """
    if not has_gpu():
        os.environ["TRITON_INTERPRET"] = "1"
    os.environ["NUMBA_CACHE_DIR"] = str(config.rootpath / ".pytest_cache" / "kernels")


@pytest.fixture(scope="session")
def compiled_kernels() -> None:
    """All kernels are compiled, so that no process prints that it compiles them. Other tests compile what they call."""
    compile_once(Path(os.environ["NUMBA_CACHE_DIR"]))


@pytest.fixture(autouse=True)
def _quiet_kernels(request: pytest.FixtureRequest) -> None:
    """Compile the kernels before the tests that read stderr."""
    if request.path.relative_to(TESTS).parts[0] in READ_STDERR:
        request.getfixturevalue("compiled_kernels")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test a cache folder, so that none uses the user's."""
    monkeypatch.setenv("TAGSMITH_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="session")
def tiny_model_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model file, trained for three epochs on the corpus in the package."""
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    Tagger.train(DEMO / "train.conll", DEMO / "dev.conll", settings=TINY, out=path, progress=False)
    return path


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """An HTTP server on this machine."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serving() as running:
        yield running
