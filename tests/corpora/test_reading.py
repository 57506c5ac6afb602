from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagsmith import Sentence
from tagsmith.corpora import Registry, read_corpus, read_registry
from tagsmith.corpora.reading import split_off_dev
from tagsmith.errors import DataError
from tests.support.tiny_corpus import TRAIN, write_corpus, write_registry


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return read_registry(write_registry(tmp_path / "registry.toml"))


def test_the_last_tenth_of_train_is_dev(tmp_path: Path, registry: Registry):
    splits = read_corpus("tiny", write_corpus(tmp_path), registry)
    assert {split: len(sentences) for split, sentences in splits.items()} == {"train": 23, "dev": 2, "test": 1}
    assert [sentence.tokens[0] for sentence in splits["dev"]] == ["Ann23", "Ann24"]


def test_gzip(tmp_path: Path, registry: Registry):
    write_corpus(tmp_path).joinpath("train.txt").unlink()
    (tmp_path / "train.txt.gz").write_bytes(gzip.compress(TRAIN.encode()))
    assert len(read_corpus("tiny", tmp_path, registry)["train"]) == 23


def test_a_malformed_line_that_the_registry_knows_is_left_out(tmp_path: Path):
    registry = read_registry(write_registry(tmp_path / "r.toml", test="malformed = 1"))
    write_corpus(tmp_path).joinpath("test.txt").write_text("Paris B-LOC\nis\n\n", "utf-8")
    assert read_corpus("tiny", tmp_path, registry)["test"][0].tokens == ("Paris",)


def test_one_more_is_an_error(tmp_path: Path, registry: Registry):
    write_corpus(tmp_path).joinpath("test.txt").write_text("Paris B-LOC\nis\n\n", "utf-8")
    with pytest.raises(DataError, match=r"test\.txt:2: "):
        read_corpus("tiny", tmp_path, registry)


@given(st.integers(0, 60))
def test_splitting_loses_nothing_and_keeps_the_order(count: int):
    train = [Sentence([str(i)]) for i in range(count)]
    splits = split_off_dev({"train": train, "test": []})
    assert splits["train"] + splits["dev"] == train
    assert len(splits["dev"]) == count // 10
    assert list(splits) == ["train", "dev", "test"]
