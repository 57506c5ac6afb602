"""Records read from a folder, with the counts that older ones lack."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from tagsmith.errors import DataError
from tagsmith.reproduce.counts import count, f1
from tagsmith.reproduce.records import Record, Results, counted
from tests.support.handmade_records import make


@pytest.fixture
def results(tmp_path: Path) -> Results:
    return Results(tmp_path / "results")


def without_counts(record: Record) -> Record:
    return msgspec.structs.replace(record, counts={})


@pytest.mark.parametrize("task", ["ner", "pos-upos"])
def test_the_counts_of_a_record_are_those_of_its_predictions(task: str):
    record, predictions = make(task=task)
    assert set(record.counts) == set(predictions)
    for part, tags in predictions.items():
        for constraints in record.scores[part]:
            counts = record.sentence_counts(part, constraints)
            assert counts is not None
            pairs = zip(tags["gold"], tags[constraints], strict=True)
            assert np.array_equal(counts, count(pairs, spans=task == "ner"))
            assert f1(counts.sum(axis=1)) == pytest.approx(record.score(part, constraints))


def test_a_record_without_counts_gets_them_for_good(results: Results):
    record, predictions = make()
    results.save(without_counts(record), predictions)
    bare, _ = make(seed=2)
    results.save(without_counts(bare), predictions)
    results.predictions_path(bare.key).unlink()
    found = {each.key: each for each in results.read_all()}
    assert found[record.key] == record
    assert found[bare.key] == without_counts(bare)
    assert found[bare.key].sentence_counts("test") is None
    results.predictions_path(record.key).unlink()
    assert record in results.read_all()


def test_predictions_of_another_run_are_refused():
    record, _ = make()
    _, others = make(seed=2)
    with pytest.raises(DataError, match=rf"{record.key}: found predictions of dev with \[60, "):
        counted(record, others)


def test_what_is_no_record_is_refused(results: Results):
    with pytest.raises(DataError, match="found no records"):
        results.read_all()
    record, predictions = make()
    results.save(msgspec.structs.replace(record, counts={"test": {"scheme": "?"}}), predictions)
    (read,) = results.read_all()
    with pytest.raises(DataError, match="found damaged counts"):
        read.sentence_counts("test")
    results.record_path(record.key).rename(results.folder / "other.json")
    with pytest.raises(DataError, match=rf"other.json: found the record of {record.key}"):
        results.read_all()
