"""A folder of records: finding, completing and refusing them."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from tagsmith.config import configure
from tagsmith.errors import DataError
from tagsmith.reproduce.experiments import Experiment, InputFile
from tagsmith.reproduce.records import Record
from tagsmith.reproduce.results import Results
from tests.support.handmade_records import make_record


@pytest.fixture
def results(tmp_path: Path) -> Results:
    return Results(tmp_path / "results")


def without_counts(record: Record) -> Record:
    return msgspec.structs.replace(record, counts={})


def test_a_record_without_counts_gets_them_for_good(results: Results):
    record, predictions = make_record()
    results.save(without_counts(record), predictions)
    bare, _ = make_record(seed=2)
    results.save(without_counts(bare), predictions)
    results.predictions_path(bare.key).unlink()
    found = {each.key: each for each in results.read_all()}
    assert found[record.key] == record
    assert found[bare.key] == without_counts(bare)
    assert found[bare.key].sentence_counts("test") is None
    results.predictions_path(record.key).unlink()
    assert record in results.read_all()


class TestFind:
    experiment = Experiment(task="ner", config=configure("ner"), files={"train": InputFile("", "", "a")})

    def test_a_record_is_found_by_its_experiment(self, results: Results):
        assert results.find(self.experiment) is None
        record, predictions = make_record(key=self.experiment.key)
        results.work(record.key).mkdir(parents=True)
        results.save(record, predictions)
        assert results.find(self.experiment) == record
        assert results.predictions(record.key) == predictions
        assert not results.work(record.key).exists()

    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            ("}\n", "", r"damaged record, or one of a newer version .*; move it away"),
            ('"test": {\n   "scheme"', '"tset": {\n   "scheme"', "a record without the scores of test"),
            ('"clip": 5.0', '"clip": 1.0', "had other defaults"),
        ],
    )
    def test_a_damaged_record_or_one_with_other_defaults_is_refused(
        self, results: Results, old: str, new: str, message: str
    ):
        results.save(*make_record(key=self.experiment.key))
        path = results.record_path(self.experiment.key)
        content = path.read_text("utf-8")
        assert old in content
        path.write_text(content.replace(old, new), "utf-8")
        with pytest.raises(DataError, match=message):
            results.find(self.experiment)

    def test_missing_and_damaged_predictions_are_refused(self, results: Results):
        with pytest.raises(DataError, match="no such file"):
            results.predictions(self.experiment.key)
        record, predictions = make_record()
        results.save(record, predictions)
        results.predictions_path(record.key).write_text("[")
        with pytest.raises(DataError, match="damaged predictions"):
            results.predictions(record.key)


class TestReadAll:
    def test_a_folder_without_records_is_refused(self, results: Results):
        with pytest.raises(DataError, match="found no records"):
            results.read_all()

    def test_a_record_under_another_name_is_refused(self, results: Results):
        record, predictions = make_record()
        results.save(record, predictions)
        results.record_path(record.key).rename(results.folder / "other.json")
        with pytest.raises(DataError, match=rf"other.json: found the record of {record.key}"):
            results.read_all()
