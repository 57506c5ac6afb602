from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagsmith.vocab import Vocabulary, zero_digits


@given(st.lists(st.text(max_size=4), unique=True))
def test_ids_are_places(strings: list[str]) -> None:
    vocabulary = Vocabulary(strings)
    assert len(vocabulary) == len(strings)
    assert [vocabulary.strings[vocabulary.ids[string]] for string in strings] == strings
    assert [vocabulary.find(string) for string in strings] == [(i, "exact") for i in range(len(strings))]


def test_a_string_may_not_come_twice() -> None:
    with pytest.raises(ValueError, match="twice"):
        Vocabulary(["a", "b", "a"])


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("Jay", (0, "exact")),
        ("jay", (1, "exact")),
        ("JAY", (1, "lower-cased")),
        ("r00", (2, "exact")),
        ("R00", (2, "lower-cased")),
        ("r42", (2, "digits zeroed")),
        ("R42", (2, "digits zeroed")),
        ("R٤٢", None),
        ("r4", None),
        ("", None),
    ],
)
def test_a_word_is_found_as_it_is_else_lower_cased_else_with_its_digits_zeroed(
    word: str, found: tuple[int, str] | None
) -> None:
    assert Vocabulary(["Jay", "jay", "r00"]).find(word) == found


def test_the_exact_form_wins_over_the_others() -> None:
    assert Vocabulary(["0", "7"]).find("7") == (1, "exact")


def test_only_ascii_digits_become_zero() -> None:
    assert zero_digits("a1b29 ٤٢ ²") == "a0b00 ٤٢ ²"
