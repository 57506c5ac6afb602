from __future__ import annotations

from pathlib import Path

from tagsmith.embeddings import Coverage
from tests.support.vector_files import load


def test_each_distinct_word_counts_once_in_its_first_form(tmp_path: Path):
    vectors = load(tmp_path, "the 1\nUS 1\nus 1\n00 1\nid-000 1\n")
    words = ["the", "the", "US", "The", "THE", "00", "42", "ID-747", "Id-000", "xyz", "5"]
    # exact: the US 00; lower: The THE Id-000; zeroed: 42 ID-747; absent: xyz 5
    assert vectors.coverage(words) == Coverage(exact=3, lowered=3, zeroed=2, absent=2)


def test_words_are_normalised_before_the_lookup(tmp_path: Path):
    vectors = load(tmp_path, "US 1\nus 1\nthe 1\nabc0 1\n")
    words = ["US", "us", "the", "abc7", "xyz"]
    assert vectors.coverage(words, str.lower) == Coverage(exact=2, lowered=1, zeroed=1, absent=1)


def test_no_words(tmp_path: Path):
    assert load(tmp_path, "the 1\n").coverage([]) == Coverage(0, 0, 0, 0)


def test_it_is_shown_in_one_line_with_percentages():
    assert str(Coverage(exact=1500, lowered=300, zeroed=100, absent=100)) == (
        "2,000 words of the training data: 1,500 exact (75.0 %), 300 lower-cased (15.0 %), "
        "100 digits zeroed (5.0 %), 100 absent (5.0 %)"
    )
