"""Trimmed vectors: what is kept, and that training and tagging can't tell the difference on the corpora given."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagsmith import Tagger, formats
from tagsmith.batching import build_alphabets
from tagsmith.config import WordsConfig
from tagsmith.embeddings import RowSelector, lookup_forms, read_table, write_table
from tests.support.handmade import DEMO, TINY

TOKENS = st.text("aAbIİΣσ12٣", min_size=1, max_size=3)


def test_every_form_of_a_token_is_kept():
    assert lookup_forms(["Mp3"]) == {"Mp3", "mp3", "Mp0", "mp0"}
    assert lookup_forms(["the", "THE"]) == {"the", "THE"}
    assert lookup_forms([]) == set()


@given(
    st.lists(TOKENS, min_size=1),
    st.lists(TOKENS, min_size=1),
    st.lists(TOKENS, unique=True),
    st.booleans(),
    st.booleans(),
)
def test_no_lookup_can_tell_the_trimmed_table_from_the_whole_one(
    train: list[str], other: list[str], table: list[str], lowercase: bool, zero_digits: bool
):
    """The oracle is the lookup itself, under each setting: in training by ``find``, in tagging by ``word_id``."""
    forms = lookup_forms([*train, *other])
    trimmed = [word for word in table if word in forms]
    words = WordsConfig(lowercase=lowercase, zero_digits=zero_digits)
    (whole, _), (small, _) = (build_alphabets([train], words, extra) for extra in (table, trimmed))
    assert whole.words.strings[: whole.trained] == small.words.strings[: small.trained]
    for token in [*train, *other]:
        assert whole.words.strings[whole.word_id(token)] == small.words.strings[small.word_id(token)]
    for word in whole.words.strings[: whole.trained]:
        found = [next((form for form in (word, word.lower()) if form in words), None) for words in (table, trimmed)]
        assert found[0] == found[1]


def test_first_rows_and_wanted_words_are_chosen_across_blocks():
    selector = RowSelector({"e", "b"}, top=3)
    assert selector(["a", "b"]) == [0, 1]
    assert selector(["c", "d", "e"]) == [0, 2]
    assert selector(["b", "f"]) == [0]
    assert selector.rows == 7
    assert RowSelector({"x"})(["a", "x"]) == [1]
    assert RowSelector(top=1)(["a", "x"]) == [0]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Vectors for some words of the corpus in the package, in several forms, and for many that are not in it."""
    tokens = sorted(
        {t for part in ("train", "dev", "test") for s in formats.read(DEMO / f"{part}.conll") for t in s.tokens}
    )
    words = [word for i, token in enumerate(tokens) for word in (token, token.lower(), token.upper())[: i % 4]]
    words = list(dict.fromkeys([*words, *(f"other{i}" for i in range(500)), "0", "00", "0000"]))
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("whole") / "v.txt"
    rows = (f"{word} {' '.join(f'{x:.4f}' for x in rng.normal(size=8))}\n" for word in words)
    path.write_text("".join(rows), "utf-8", newline="\n")
    return path


@pytest.mark.parametrize("settings", [{}, {"words.lowercase": False}, {"words.zero_digits": False}], ids=str)
def test_training_with_trimmed_vectors_gives_the_same_weights_and_tags(
    whole: Path, tmp_path: Path, settings: dict[str, bool]
):
    parts = ("train", "dev", "test")
    forms = lookup_forms(t for part in parts for s in formats.read(DEMO / f"{part}.conll") for t in s.tokens)
    trimmed = tmp_path / "small.safetensors"
    selector = RowSelector(forms)
    table = read_table(whole, keep=selector)
    write_table(trimmed, table)
    assert 500 < table.shape[0] < selector.rows - 500
    chosen = {name: value for name, value in TINY.items() if name != "words.dim"} | {"training.epochs": 2, **settings}
    big, small = (
        Tagger.train(DEMO / "train.conll", DEMO / "dev.conll", vectors=v, settings=chosen, progress=False)
        for v in (whole, trimmed)
    )
    trained = big.model.alphabets.trained
    assert len(small.model.alphabets.words) < len(big.model.alphabets.words) - 500
    for name, weight in big.model.weights.items():
        rows = slice(trained) if name == "words.vectors" else slice(None)
        np.testing.assert_array_equal(weight[rows], small.model.weights[name][rows])
    for part in parts:
        sentences = list(formats.read(DEMO / f"{part}.conll"))
        assert [a.tags for a in big.tag(sentences)] == [a.tags for a in small.tag(sentences)]
