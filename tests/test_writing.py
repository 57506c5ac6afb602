"""Whole batches written at once against ``read_spans`` and ``Scheme.write``, sentence by sentence."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagsmith.schemes import SCHEMES, read_spans
from tagsmith.writing import Writer

TAGS = ["O", *(f"{letter}-{label}" for label in ("PER", "b-c") for letter in "BIESLUM"), "I", "B"]
batches = st.lists(st.lists(st.integers(0, len(TAGS) - 1), min_size=1, max_size=9), max_size=6)


def flat(batch: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([k for ids in batch for k in ids], np.int64), np.array([len(ids) for ids in batch], np.int64)


@pytest.mark.parametrize("scheme", SCHEMES)
@given(batches)
def test_any_tags_come_out_as_the_scheme_writes_the_spans_they_spell(scheme: str, batch: list[list[int]]) -> None:
    path, lengths = flat(batch)
    tags, spans = Writer(TAGS, scheme).write(path, lengths)
    expected = [read_spans([TAGS[k] for k in ids]) for ids in batch]
    assert tags == [
        tag for ids, found in zip(batch, expected, strict=True) for tag in SCHEMES[scheme].write(found, len(ids))
    ]
    assert [[span for span, _ in each] for each in spans] == expected


@given(batches)
def test_each_span_has_its_probability(batch: list[list[int]]) -> None:
    path, lengths = flat(batch)
    count = sum(len(read_spans([TAGS[k] for k in ids])) for ids in batch)
    probabilities = np.arange(count) / 100
    _, spans = Writer(TAGS, "IOB2").write(path, lengths, probabilities)
    assert [probability for each in spans for _, probability in each] == probabilities.tolist()
    _, spans = Writer(TAGS, "IOB2").write(path, lengths)
    assert {probability for each in spans for _, probability in each} <= {None}


@pytest.mark.parametrize("tags", [["NOUN", "O", "B-X"], TAGS])
def test_without_a_scheme_tags_stay_and_spell_no_spans(tags: list[str]) -> None:
    written, spans = Writer(tags, None).write(np.array([2, 0, 1, 1]), np.array([3, 1]))
    assert written == [tags[k] for k in (2, 0, 1, 1)]
    assert list(spans) == [[], []]
