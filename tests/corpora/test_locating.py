from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagsmith import Sentence
from tagsmith.corpora import Registry, locate, read_corpus, read_registry
from tagsmith.corpora.locating import cut_dev
from tagsmith.errors import ConfigError, DataError
from tests.support.tiny_corpus import TRAIN, write_corpus, write_registry


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return read_registry(write_registry(tmp_path / "registry.toml"))


class TestLocate:
    def test_the_folder_of_the_corpus(self, tmp_path: Path, registry: Registry):
        folder = write_corpus(tmp_path / "here")
        assert locate("tiny", folder, registry) == {"train": folder / "train.txt", "test": folder / "test.txt"}

    def test_a_folder_of_data_sets(self, tmp_path: Path, registry: Registry):
        folder = write_corpus(tmp_path / "all" / "tiny")
        assert locate("tiny", tmp_path / "all", registry)["train"] == folder / "train.txt"

    def test_a_folder_of_its_own_in_the_registry(self, tmp_path: Path):
        folder = write_corpus(tmp_path / "conll2003" / "iob1")
        (folder / "train.txt").rename(folder / "eng.train")
        (folder / "dev.txt").touch()
        assert locate("conll2003_iob1", tmp_path)["train"] == folder / "eng.train"

    def test_other_names_and_gzip(self, tmp_path: Path, registry: Registry):
        folder = write_corpus(tmp_path, train="tiny.train")
        (folder / "test.txt").rename(folder / "test.txt.gz")
        assert locate("tiny", folder, registry) == {"train": folder / "tiny.train", "test": folder / "test.txt.gz"}

    def test_a_missing_file_lists_what_was_looked_for(self, tmp_path: Path, registry: Registry):
        write_corpus(tmp_path).joinpath("train.txt").unlink()
        with pytest.raises(DataError) as caught:
            locate("tiny", tmp_path, registry)
        expected = "found no train of tiny; expected train: train.txt or tiny.train (plain or .gz)"
        assert str(caught.value) == f"{tmp_path}: {expected}"

    def test_a_missing_folder(self, tmp_path: Path, registry: Registry):
        with pytest.raises(DataError, match="nowhere: found no such folder; expected the files of tiny, or a folder"):
            locate("tiny", tmp_path / "nowhere", registry)

    def test_an_unknown_name(self, tmp_path: Path, registry: Registry):
        with pytest.raises(ConfigError, match="found the data set 'huge'"):
            locate("huge", tmp_path, registry)


class TestRead:
    def test_the_last_tenth_of_train_is_dev(self, tmp_path: Path, registry: Registry):
        splits = read_corpus("tiny", write_corpus(tmp_path), registry)
        assert {split: len(sentences) for split, sentences in splits.items()} == {"train": 23, "dev": 2, "test": 1}
        assert [sentence.tokens[0] for sentence in splits["dev"]] == ["Ann23", "Ann24"]

    def test_gzip(self, tmp_path: Path, registry: Registry):
        write_corpus(tmp_path).joinpath("train.txt").unlink()
        (tmp_path / "train.txt.gz").write_bytes(gzip.compress(TRAIN.encode()))
        assert len(read_corpus("tiny", tmp_path, registry)["train"]) == 23

    def test_a_malformed_line_that_the_registry_knows_is_left_out(self, tmp_path: Path):
        registry = read_registry(write_registry(tmp_path / "r.toml", test="malformed = 1"))
        write_corpus(tmp_path).joinpath("test.txt").write_text("Paris B-LOC\nis\n\n", "utf-8")
        assert read_corpus("tiny", tmp_path, registry)["test"][0].tokens == ("Paris",)

    def test_one_more_is_an_error(self, tmp_path: Path, registry: Registry):
        write_corpus(tmp_path).joinpath("test.txt").write_text("Paris B-LOC\nis\n\n", "utf-8")
        with pytest.raises(DataError, match=r"test\.txt:2: "):
            read_corpus("tiny", tmp_path, registry)

    @given(st.integers(0, 60))
    def test_cutting_loses_nothing_and_keeps_the_order(self, count: int):
        train = [Sentence([str(i)]) for i in range(count)]
        splits = cut_dev({"train": train, "test": []})
        assert splits["train"] + splits["dev"] == train
        assert len(splits["dev"]) == count // 10
        assert list(splits) == ["train", "dev", "test"]
