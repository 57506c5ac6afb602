from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagsmith.tensors import pack_strings
from tagsmith.vocab import ABSENT, Vocabulary, zero_digits

STRINGS = st.lists(st.text(st.characters(codec=None), max_size=6), unique=True)


@pytest.mark.parametrize("prime", [2**40 - 87, 13, 2])  # with the smaller ones, strings share hashes
@pytest.mark.parametrize("long", [2**16, 3])
@given(strings=STRINGS, others=STRINGS)
def test_ids_are_places(prime: int, long: int, strings: list[str], others: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tagsmith.vocab._PRIME", prime)
        patch.setattr("tagsmith.vocab._LONG", long)
        patch.setattr("tagsmith.vocab._HASHED_AT_ONCE", 3)
        ids = {string: i for i, string in enumerate(strings)}
        for vocabulary in (Vocabulary(strings), Vocabulary.of_packed(*pack_strings(strings))):
            assert len(vocabulary) == len(strings)
            assert vocabulary.strings == strings
            asked = [*strings, *others, ""]
            assert vocabulary.ids_of(asked).tolist() == [ids.get(string, ABSENT) for string in asked]
            assert [vocabulary.find(string) for string in strings] == list(range(len(strings)))


def test_strings_longer_than_a_sum_may_be_are_found() -> None:
    strings = ["a" * 70_000, "a" * 70_001, "\U0010ffff" * 20_000, "a"]
    vocabulary = Vocabulary(strings)
    assert vocabulary.ids_of([*strings, "a" * 70_002]).tolist() == [0, 1, 2, 3, ABSENT]


def test_hashes_of_words_spread() -> None:
    words = [f"w{number}" for number in range(3_000)] + [
        chr(97 + i) + chr(97 + j) for i in range(26) for j in range(26)
    ]
    vocabulary = Vocabulary(words)
    assert max(np.diff(np.asarray(vocabulary._starts))) < 12


@pytest.mark.parametrize("prime", [2**40 - 87, 2])
@given(strings=st.lists(st.sampled_from(["", "a", "b", "ab", "ba", "é"]), max_size=8))
def test_a_string_may_not_come_twice(prime: int, strings: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tagsmith.vocab._PRIME", prime)
        if len(set(strings)) == len(strings):
            assert Vocabulary(strings).strings == strings
        else:
            with pytest.raises(ValueError, match="twice"):
                Vocabulary(strings)


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("Jay", 0),
        ("jay", 1),
        ("JAY", 1),
        ("r00", 2),
        ("R00", 2),
        ("r42", 2),
        ("R42", 2),
        ("R٤٢", ABSENT),
        ("r4", ABSENT),
        ("", ABSENT),
    ],
)
def test_a_word_is_found_as_it_is_else_lower_cased_else_with_its_digits_zeroed(word: str, found: int) -> None:
    assert Vocabulary(["Jay", "jay", "r00"]).find(word) == found


def test_the_exact_form_wins_over_the_others() -> None:
    assert Vocabulary(["0", "7"]).find("7") == 1


def test_only_ascii_digits_become_zero() -> None:
    assert zero_digits("a1b29 ٤٢ ²") == "a0b00 ٤٢ ²"
