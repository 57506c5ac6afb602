"""Counts per sentence: their sums, packing, and damaged text."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagsmith.metrics import score
from tagsmith.reproduce.sentence_counts import count, f1, pack, unpack

TAGS = st.sampled_from(["O", "B-A", "I-A", "B-B", "I-B"])
SENTENCES = st.lists(st.lists(st.tuples(TAGS, TAGS), max_size=6).map(lambda row: tuple(zip(*row, strict=True))))


def test_spans_are_counted_or_tokens_for_plain_tags():
    pairs = [(["B-A", "I-A", "O"], ["B-A", "O", "B-B"]), (["O"], ["O"])]
    assert count(pairs, spans=True).tolist() == [[1, 0], [2, 0], [0, 0]]
    assert count(pairs, spans=False).tolist() == [[3, 1], [3, 1], [1, 1]]
    assert count([], spans=True).shape == (3, 0)


@given(SENTENCES, st.booleans())
def test_the_sums_score_what_all_sentences_score(sentences: list[tuple[tuple[str, ...], ...]], spans: bool):
    pairs = [(row[0], row[1]) if row else ((), ()) for row in sentences]
    whole = score(pairs, spans=spans)
    assert f1(count(pairs, spans=spans).sum(axis=1)) == pytest.approx(whole.score)


@given(st.lists(st.tuples(*[st.integers(0, 2**32 - 1)] * 3)))
def test_unpacking_reverses_packing(rows: list[tuple[int, int, int]]):
    counts = np.array(rows, np.int64).reshape(-1, 3).T
    assert np.array_equal(unpack(pack(counts)), counts)


@pytest.mark.parametrize("text", ["?", "AAAA", pack(np.ones((3, 4), np.int64))[:-8], pack(np.ones((2, 1), np.int64))])
def test_damaged_counts_are_refused(text: str):
    with pytest.raises(ValueError, match=r"damaged counts|reshape"):
        unpack(text)
