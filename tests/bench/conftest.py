"""A benchmark's setting with short files, a tiny model and no rivals."""

from __future__ import annotations

from pathlib import Path

import pytest

from tagsmith.bench.inputs import read_spans_file, write_columns
from tagsmith.bench.rivals import Rivals
from tagsmith.bench.setting import BenchSetting
from tests.support.handmade import DEMO, TINY


@pytest.fixture(scope="package")
def setting(tiny_model_path: Path, tmp_path_factory: pytest.TempPathFactory) -> BenchSetting:
    """The first 60 sentences of each file of the corpus in the package."""
    folder = tmp_path_factory.mktemp("bench")
    paths = {
        name: write_columns(read_spans_file(str(DEMO / f"{name}.conll"))[:60], folder / f"{name}.columns")
        for name in ("train", "dev", "test")
    }
    rivals = Rivals(folder / "rivals", {})
    return BenchSetting(folder, rivals, **paths, model=str(tiny_model_path), settings=TINY, repeats=1)
