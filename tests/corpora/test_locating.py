from __future__ import annotations

from pathlib import Path

import pytest

from tagsmith.corpora import Registry, locate, read_registry
from tagsmith.errors import ConfigError, DataError
from tests.support.tiny_corpus import write_corpus, write_registry


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return read_registry(write_registry(tmp_path / "registry.toml"))


def test_the_folder_of_the_corpus(tmp_path: Path, registry: Registry):
    folder = write_corpus(tmp_path / "here")
    assert locate("tiny", folder, registry) == {"train": folder / "train.txt", "test": folder / "test.txt"}


def test_a_folder_of_data_sets(tmp_path: Path, registry: Registry):
    folder = write_corpus(tmp_path / "all" / "tiny")
    assert locate("tiny", tmp_path / "all", registry)["train"] == folder / "train.txt"


def test_a_folder_of_its_own_in_the_registry(tmp_path: Path):
    folder = write_corpus(tmp_path / "conll2003" / "iob1")
    (folder / "train.txt").rename(folder / "eng.train")
    (folder / "dev.txt").touch()
    assert locate("conll2003_iob1", tmp_path)["train"] == folder / "eng.train"


def test_other_names_and_gzip(tmp_path: Path, registry: Registry):
    folder = write_corpus(tmp_path, train="tiny.train")
    (folder / "test.txt").rename(folder / "test.txt.gz")
    assert locate("tiny", folder, registry) == {"train": folder / "tiny.train", "test": folder / "test.txt.gz"}


def test_a_missing_file_lists_what_was_looked_for(tmp_path: Path, registry: Registry):
    write_corpus(tmp_path).joinpath("train.txt").unlink()
    with pytest.raises(DataError) as caught:
        locate("tiny", tmp_path, registry)
    expected = "found no train of tiny; expected train: train.txt or tiny.train (plain or .gz)"
    assert str(caught.value) == f"{tmp_path}: {expected}"


def test_a_missing_folder(tmp_path: Path, registry: Registry):
    with pytest.raises(DataError, match="nowhere: found no such folder; expected the files of tiny, or a folder"):
        locate("tiny", tmp_path / "nowhere", registry)


def test_an_unknown_name(tmp_path: Path, registry: Registry):
    with pytest.raises(ConfigError, match="found the data set 'huge'"):
        locate("huge", tmp_path, registry)
