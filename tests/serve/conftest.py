"""Services that many tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from handmade import lexicon_model, random_model
from running import Running, running

from tagsmith import store


@pytest.fixture(scope="session")
def model_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of a model whose answers are known, one of plain tags, and one of random weights."""
    folder = tmp_path_factory.mktemp("models")
    store.save(lexicon_model(), folder / "ner.safetensors")
    store.save(lexicon_model({"jay": "NOUN", "is": "VERB"}, "plain"), folder / "pos.safetensors")
    store.save(random_model(3), folder / "random.safetensors")
    return folder


@pytest.fixture(scope="session")
def service(model_files: Path) -> Iterator[Running]:
    """A service of these models, with small limits."""
    models = [model_files / f"{name}.safetensors" for name in ("ner", "pos", "random")]
    limits = ["--max-body", 64, "--max-texts", 50, "--max-tokens", 2000, "--timeout", 3, "--threads", 2]
    with running(*models, *limits) as started:
        yield started
