"""The corpus in the package: three files without overlap, with legal tags of the four CoNLL-2003 labels."""

from __future__ import annotations

import unicodedata
from importlib.resources import files
from pathlib import Path

import pytest

from tagsmith import Sentence
from tagsmith.formats import conll
from tagsmith.schemes import SCHEMES, is_legal, read_spans

DEMO = Path(str(files("tagsmith") / "demo"))


@pytest.fixture(scope="module")
def corpus() -> dict[str, list[Sentence]]:
    return {part: list(conll.read(DEMO / f"{part}.conll")) for part in ("train", "dev", "test")}


def test_no_sentence_is_in_two_files_or_twice_in_one(corpus: dict[str, list[Sentence]]):
    tokens = [sentence.tokens for sentences in corpus.values() for sentence in sentences]
    assert len(set(tokens)) == len(tokens) == 488 + 96 + 96


def test_its_tags_are_legal_iob2(corpus: dict[str, list[Sentence]]):
    for sentences in corpus.values():
        assert all(is_legal(SCHEMES["IOB2"], sentence.tags or ()) for sentence in sentences)


@pytest.mark.parametrize("part", ["train", "dev", "test"])
def test_every_file_has_the_four_labels_of_conll_2003_and_no_other(part: str, corpus: dict[str, list[Sentence]]):
    labels = {span.label for sentence in corpus[part] for span in read_spans(sentence.tags or ())}
    assert labels == {"PER", "LOC", "ORG", "MISC"}


def test_the_name_tagged_in_the_examples_is_not_in_the_training_data(corpus: dict[str, list[Sentence]]):
    words = {token.lower() for sentence in corpus["train"] for token in sentence.tokens}
    assert "jay" not in words
    assert "india" in words


def test_its_words_are_in_composed_form_without_odd_characters(corpus: dict[str, list[Sentence]]):
    for sentence in (sentence for sentences in corpus.values() for sentence in sentences):
        for token in sentence.tokens:
            assert token.isprintable()
            assert unicodedata.is_normalized("NFC", token)
