"""The scores and counts of a record."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from tagsmith.errors import DataError
from tagsmith.reproduce.records import with_counts
from tagsmith.reproduce.sentence_counts import count, f1
from tests.support.handmade_records import make_record


@pytest.mark.parametrize("task", ["ner", "pos-upos"])
def test_the_counts_of_a_record_are_those_of_its_predictions(task: str):
    record, predictions = make_record(task=task)
    assert set(record.counts) == set(predictions)
    for part, tags in predictions.items():
        for constraints in record.scores[part]:
            counts = record.sentence_counts(part, constraints)
            assert counts is not None
            pairs = zip(tags["gold"], tags[constraints], strict=True)
            assert np.array_equal(counts, count(pairs, spans=task == "ner"))
            assert f1(counts.sum(axis=1)) == pytest.approx(record.score(part, constraints))


def test_predictions_of_another_run_are_refused():
    record, _ = make_record()
    _, others = make_record(seed=2)
    with pytest.raises(DataError, match=rf"{record.key}: found predictions of dev with \[60, "):
        with_counts(record, others)


def test_damaged_counts_are_refused():
    record, _ = make_record()
    with pytest.raises(DataError, match=rf"{record.key}: found damaged counts"):
        msgspec.structs.replace(record, counts={"test": {"scheme": "?"}}).sentence_counts("test")
