"""The caches of words: rows are computed once, shared, bounded, and never changed."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagsmith.batching import Alphabets
from tagsmith.engine.word_cache import ProductCache, WordInputCache
from tests.support.handmade import random_model

ALPHABETS: Alphabets = random_model(0).alphabets
WORDS = ["word1", "word2", "Word1", "1984", "2025", "x", "日本", "never-seen"]


class Computed:
    """Rows that identify their word: its id, and the sum of its characters' ids. Counts the words computed."""

    def __init__(self) -> None:
        self.words = 0

    def __call__(self, words: np.ndarray, chars: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        self.words += len(words)
        starts = np.cumsum(lengths) - lengths
        return np.stack([words, np.add.reduceat(chars, starts)], 1).astype(np.float32)


def empty(rows: int) -> np.ndarray:
    return np.empty((rows, 2), np.float32)


def row_of(word: str) -> list[float]:
    batch = ALPHABETS.batch([[word]])
    return Computed()(batch.words, batch.chars, batch.word_lengths)[0].tolist()


@pytest.mark.parametrize("room", [0, 1, 2, 5, 2**17])  # rows
@given(st.lists(st.lists(st.lists(st.sampled_from(WORDS), min_size=1), min_size=1, max_size=3), max_size=12))
def test_every_word_has_its_row_however_little_room_there_is(room: int, calls: list[list[list[str]]]):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tagsmith.engine.word_cache._AT_ONCE", 3)
        words = WordInputCache(ALPHABETS, Computed(), empty, room)
        results = [(words.rows(call), list(itertools.chain(*call))) for call in calls]
    for (table, which), tokens in results:  # looked at when all calls are done: no row has changed
        assert table[which].tolist() == [row_of(token) for token in tokens]


def test_a_word_is_computed_once_and_words_the_model_takes_for_one_share_a_row():
    words = WordInputCache(ALPHABETS, computed := Computed(), empty, 100)
    table, which = words.rows([["1984", "word1", "2025"], ["word1"]])
    assert which[0] == which[2] != which[1] == which[3]
    again, _ = words.rows([["word1", "1066"]])
    assert again is table
    assert computed.words == 2


def test_memory_is_bounded_where_many_words_share_a_row():
    words = WordInputCache(ALPHABETS, Computed(), empty, 50)
    for i in range(1_000):
        words.rows([[str(i) for i in range(i, i + 3)]])
    assert len(words._row_of) <= 50


@pytest.mark.parametrize("room", [1, 12, 60, 2**20])  # bytes: room for none, 1 or 5 words, or all
@given(st.lists(st.tuples(st.sampled_from([0, 1]), st.lists(st.integers(0, 19), min_size=1)), max_size=12))
def test_every_product_is_its_words_however_little_room_there_is(room: int, calls: list[tuple[int, list[int]]]):
    tables = [np.random.default_rng(i).standard_normal((20, 2)).astype(np.float32) for i in range(2)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tagsmith.engine.word_cache._PRODUCTS", room)
        patch.setattr("tagsmith.engine.word_cache._AT_ONCE", 3)
        products = ProductCache(3, lambda inputs: inputs @ np.ones((2, 3), np.float32))
        for table, drawn in calls:
            words = np.array(drawn)
            found = products.rows(tables[table], words)
            assert np.array_equal(products.table[found], np.repeat(tables[table][words].sum(1, keepdims=True), 3, 1))


def test_a_product_is_computed_once_as_long_as_there_is_room(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tagsmith.engine.word_cache._PRODUCTS", 4 * 3 * 10)
    computed: list[int] = []

    def compute(inputs: np.ndarray) -> np.ndarray:
        computed.append(len(inputs))
        return np.repeat(inputs, 3, 1)

    products, inputs = ProductCache(3, compute), np.arange(20, dtype=np.float32)[:, None]
    for word in range(10):
        products.rows(inputs, np.array([0, word, word]))
    assert computed == [1] * 10
    products.rows(inputs, np.array([0, 10]))
    assert computed == [1] * 10 + [2]


def test_threads_share_one():
    words = WordInputCache(ALPHABETS, Computed(), empty, 100)
    calls = [[[f"{chr(97 + i % 26)}{chr(97 + i % 7)}", WORDS[i % 8]]] for i in range(400)]
    with ThreadPoolExecutor(8) as pool:
        for (table, which), call in zip(pool.map(words.rows, calls), calls, strict=True):
            assert table[which].tolist() == [row_of(token) for token in call[0]]
