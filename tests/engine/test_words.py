"""Rows of words: computed once, shared, bounded, and never changed."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from handmade import random_model
from hypothesis import given
from hypothesis import strategies as st

from tagsmith.batching import Alphabets, Batch
from tagsmith.engine.words import WordRows

ALPHABETS: Alphabets = random_model(0).alphabets
WORDS = ["word1", "word2", "Word1", "1984", "2025", "x", "日本", "never-seen"]


class Computed:
    """Rows that name their word: its id, and the sum of its characters' ids; and all that was asked for."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []

    def __call__(self, batch: Batch) -> np.ndarray:
        self.batches.append(batch)
        ends = np.cumsum(batch.word_lengths)
        words = np.empty(len(ends), np.int64)
        words[batch.spelling] = batch.words
        return np.stack([words, np.add.reduceat(batch.chars, ends - batch.word_lengths)], 1).astype(np.float32)

    @property
    def words(self) -> int:
        return sum(len(batch.word_lengths) for batch in self.batches)


def row_of(word: str) -> list[float]:
    return Computed()(ALPHABETS.batch([[word]]))[0].tolist()


def rows(table: np.ndarray, which: np.ndarray) -> list[list[float]]:
    return table[which].tolist()


@pytest.mark.parametrize("room", [8, 16, 40, 2**20])  # bytes: room for 1, 2, 5 rows, or all
@given(st.lists(st.lists(st.lists(st.sampled_from(WORDS), min_size=1), min_size=1, max_size=3), max_size=12))
def test_every_word_has_its_row_however_little_room_there_is(room: int, calls: list[list[list[str]]]):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tagsmith.engine.words._ROOM", room)
        words = WordRows(ALPHABETS, 2, Computed())
    answers = [(words.of(call), list(itertools.chain(*call))) for call in calls]
    for (table, which), tokens in answers:  # looked at when all calls are done: no row has changed
        assert rows(table, which) == [row_of(token) for token in tokens]


def test_a_word_is_computed_once_and_words_the_model_takes_for_one_share_a_row():
    words = WordRows(ALPHABETS, 2, computed := Computed())
    table, which = words.of([["1984", "word1", "2025"], ["word1"]])
    assert which[0] == which[2] != which[1] == which[3]
    again, _ = words.of([["word1", "1066"]])
    assert again is table
    assert computed.words == 2


def test_what_is_in_use_is_taken_over_when_a_table_is_full(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tagsmith.engine.words._ROOM", 40)
    words = WordRows(ALPHABETS, 2, computed := Computed())
    for i in range(26):
        words.of([["word1", chr(97 + i) * 3]])
    assert computed.words == 1 + 26
    table, _ = words.of([["word1"]])
    assert table.nbytes == 40


def test_memory_is_bounded_where_many_words_share_a_row(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tagsmith.engine.words._ROOM", 40)
    words = WordRows(ALPHABETS, 2, Computed())
    for i in range(1_000):
        words.of([[str(i) for i in range(i, i + 3)]])
    assert len(words._now.row_of) <= 40


def test_threads_share_one():
    words = WordRows(ALPHABETS, 2, Computed())
    calls = [[[f"{chr(97 + i % 26)}{chr(97 + i % 7)}", WORDS[i % 8]]] for i in range(400)]
    with ThreadPoolExecutor(8) as pool:
        for (table, which), call in zip(pool.map(words.of, calls), calls, strict=True):
            assert rows(table, which) == [row_of(token) for token in call[0]]
