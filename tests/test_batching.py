"""Tokens to ids, and the ragged arithmetic of batches."""

from __future__ import annotations

import dataclasses
import itertools
import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagsmith.batching import UNKNOWN, Alphabets, build_alphabets, cut, time_steps
from tagsmith.config import WordsConfig
from tagsmith.vocab import Vocabulary

LENGTHS = st.lists(st.integers(1, 7), min_size=1, max_size=8)
TOKENS = st.text("aAbB12é", min_size=1, max_size=5)
SENTENCES = st.lists(st.lists(TOKENS, min_size=1, max_size=5), min_size=1, max_size=5)
ALPHABETS = Alphabets(Vocabulary(["", "a", "ab", "b0", "extra"]), Vocabulary(["", "0", "A", "a", "b"]), 4, True, True)


def starts_of(lengths: list[int]) -> list[int]:
    return [sum(lengths[:i]) for i in range(len(lengths))]


# Alphabets


def test_training_words_come_sorted_and_other_words_after_them() -> None:
    alphabets, counts = build_alphabets(
        [["The", "dog", "ran"], ["the", "1st", "dog"]], WordsConfig(), extra=["zoo", "cat", "dog", ""]
    )
    assert alphabets.words.strings == ["", "0st", "dog", "ran", "the", "zoo", "cat"]
    assert alphabets.trained == 5
    assert counts == Counter({"the": 2, "dog": 2, "ran": 1, "0st": 1})


def test_characters_seen_once_have_no_row_of_their_own() -> None:
    alphabets, _ = build_alphabets([["The", "dog", "ran"], ["the", "1st", "dog"]], WordsConfig())
    assert alphabets.chars.strings == ["", "d", "e", "g", "h", "o", "t"]


def test_words_keep_case_and_digits_when_told_to() -> None:
    alphabets, counts = build_alphabets([["The", "1st", "the"]], WordsConfig(lowercase=False, zero_digits=False))
    assert alphabets.words.strings == ["", "1st", "The", "the"]
    assert counts == {"The": 1, "1st": 1, "the": 1}
    assert alphabets.word_id("The") == 2
    assert alphabets.spelling_of("1st") == "1st"


@pytest.mark.parametrize(("token", "word"), [("ab", 2), ("AB", 2), ("B7", 3), ("Extra", 4), ("ba", UNKNOWN)])
def test_a_token_finds_its_row(token: str, word: int) -> None:
    assert ALPHABETS.word_id(token) == word


def test_the_empty_string_of_row_0_is_the_unknown_word() -> None:
    assert ALPHABETS.words.strings[UNKNOWN] == ""
    assert ALPHABETS.chars.strings[UNKNOWN] == ""


# Batches


def test_a_batch_spells_each_distinct_token_once() -> None:
    batch = ALPHABETS.batch([["ab", "B7", "ab"], ["Ab"]])
    assert batch.words.tolist() == [2, 3, 2, 2]
    assert batch.spelling.tolist() == [0, 1, 0, 2]
    assert batch.chars.tolist() == [3, 4, UNKNOWN, 1, 2, 4]  # a b, B 0, A b
    assert batch.word_lengths.tolist() == [2, 2, 2]
    assert batch.lengths.tolist() == [3, 1]


@given(SENTENCES)
def test_every_word_of_a_batch_has_its_own_id_and_characters(sentences: list[list[str]]) -> None:
    batch = ALPHABETS.batch(sentences)
    tokens = [token for sentence in sentences for token in sentence]
    ends = np.cumsum(batch.word_lengths)
    spelled = [batch.chars[end - n : end].tolist() for end, n in zip(ends, batch.word_lengths, strict=True)]
    assert batch.words.tolist() == [ALPHABETS.word_id(token) for token in tokens]
    assert [spelled[i] for i in batch.spelling] == [
        [max(ALPHABETS.chars.id_of(c), UNKNOWN) for c in ALPHABETS.spelling_of(token)] for token in tokens
    ]
    assert batch.lengths.tolist() == [len(sentence) for sentence in sentences]
    assert len(batch.word_lengths) == len(set(tokens))


@given(SENTENCES)
def test_spelling_each_word_on_its_own_keeps_every_words_characters(sentences: list[list[str]]) -> None:
    shared = ALPHABETS.batch(sentences)
    batch = shared.spell_each()
    tokens = [token for sentence in sentences for token in sentence]
    assert batch.spelling.tolist() == list(range(len(tokens)))
    assert batch.word_lengths.tolist() == [len(token) for token in tokens]
    assert batch.chars.tolist() == [
        max(ALPHABETS.chars.id_of(c), UNKNOWN) for token in tokens for c in ALPHABETS.spelling_of(token)
    ]
    assert batch.words.tolist() == shared.words.tolist()
    assert batch.lengths.tolist() == shared.lengths.tolist()
    assert batch.spell_each() is batch


@given(SENTENCES, st.randoms(use_true_random=False))
def test_a_batch_taken_from_another_is_that_of_its_sentences(sentences: list[list[str]], draw: random.Random) -> None:
    chosen = draw.sample(range(len(sentences)), draw.randint(1, len(sentences)))
    taken = ALPHABETS.batch(sentences).take(np.array(chosen))
    expected = ALPHABETS.batch([sentences[i] for i in chosen]).spell_each()
    for field in dataclasses.fields(taken):
        assert getattr(taken, field.name).tolist() == getattr(expected, field.name).tolist()


# Ranges and groups


@given(st.lists(st.integers(1, 30)), st.integers(1, 40))
def test_cut_keeps_every_place_once(lengths: list[int], budget: int) -> None:
    assert sorted(place for group in cut(lengths, budget) for place in group) == list(range(len(lengths)))


@given(st.lists(st.integers(1, 30)), st.integers(1, 40))
def test_cut_stays_in_the_budget_unless_one_sentence_alone_exceeds_it(lengths: list[int], budget: int) -> None:
    for group in cut(lengths, budget):
        assert len(group) * max(lengths[i] for i in group) <= budget or len(group) == 1


@given(st.lists(st.integers(1, 30)), st.integers(1, 40))
def test_cut_fills_each_group_before_it_begins_another(lengths: list[int], budget: int) -> None:
    groups = list(cut(lengths, budget))
    for group, following in itertools.pairwise(groups):
        longest = max(lengths[i] for i in group)
        assert (len(group) + 1) * longest > budget
        assert min(lengths[i] for i in group) >= max(lengths[i] for i in following)


def test_cut_groups_sentences_of_like_length() -> None:
    assert list(cut([1, 9, 2, 5, 5], 10)) == [[1], [3, 4], [2, 0]]
    assert list(cut([], 10)) == []


# The order of time


def naive_places(lengths: list[int]) -> list[tuple[int, int]]:
    """(sentence, step) at each place."""
    by_length = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    return [(i, t) for t in range(max(lengths)) for i in by_length if t < lengths[i]]


def test_steps_know_where_each_sentence_begins_and_how_long_it_is_longest_first() -> None:
    steps = time_steps(np.array([2, 4, 1, 4]))
    assert steps.starts.tolist() == [2, 7, 0, 6]
    assert steps.lengths.tolist() == [4, 4, 2, 1]


@given(LENGTHS)
@settings(max_examples=200)
def test_time_steps_order_all_first_words_then_all_second_words(lengths: list[int]) -> None:
    steps, starts = time_steps(np.array(lengths)), starts_of(lengths)
    places = naive_places(lengths)
    assert steps.order[0].tolist() == [starts[i] + t for i, t in places]
    assert steps.order[1].tolist() == [starts[i] + lengths[i] - 1 - t for i, t in places]
    assert steps.counts == [sum(n > t for n in lengths) for t in range(max(lengths))]


@given(LENGTHS)
def test_previous_is_the_place_of_the_same_sentence_one_step_before(lengths: list[int]) -> None:
    places = naive_places(lengths)
    expected = [places.index((i, t - 1)) for i, t in places if t > 0]
    assert time_steps(np.array(lengths)).previous.tolist() == expected


@given(LENGTHS)
def test_slices_are_the_places_of_each_step(lengths: list[int]) -> None:
    places = naive_places(lengths)
    slices = time_steps(np.array(lengths)).slices()
    assert len(slices) == max(lengths)
    for t, step in enumerate(slices):
        assert places[step] == [place for place in places if place[1] == t]


def test_a_word_whose_zeroed_form_is_unknown_is_looked_up_as_it_is() -> None:
    alphabets, _ = build_alphabets([["in", "1996"]], WordsConfig(), extra=["mp3", "2008", "mp0x"])
    assert alphabets.word_id("MP3") == alphabets.words.id_of("mp3")
    assert alphabets.word_id("2008") == alphabets.words.id_of("0000")  # training knows its form
    assert alphabets.word_id("mp4") == UNKNOWN
