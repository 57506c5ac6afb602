"""The rows of the table are consistent."""

from __future__ import annotations

from collections import Counter

import pytest

from tagsmith.formats import FORMATS
from tagsmith.formats.format import Format, ReadOptions


def test_no_ending_means_two_formats():
    endings = Counter(ending for row in FORMATS.values() for ending in row.endings)
    assert set(endings.values()) == {1}
    assert all(ending.startswith(".") for ending in endings)


@pytest.mark.parametrize("row", FORMATS.values(), ids=FORMATS)
def test_every_row_reads_or_writes_something(row: Format):
    assert row.read or row.read_inputs or row.write or row.write_predictions


@pytest.mark.parametrize("row", FORMATS.values(), ids=FORMATS)
def test_what_is_known_by_its_ending_can_be_read(row: Format):
    assert row.read or not row.endings


@pytest.mark.parametrize("row", FORMATS.values(), ids=FORMATS)
def test_descriptions_fit_into_the_help(row: Format):
    assert 3 < len(row.description) < 60
    assert row.description.isprintable()
    assert not row.description.endswith(".")


@pytest.mark.parametrize("row", FORMATS.values(), ids=FORMATS)
def test_only_a_writer_of_predictions_can_show_probabilities(row: Format):
    assert row.write_predictions or (row.probabilities == "never" and not row.alternatives)


def test_files_are_read_with_their_tags_by_default():
    assert ReadOptions() == ReadOptions(columns=None, tagged=True, on_bad=None, tokenizer="words")
