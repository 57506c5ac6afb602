from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError

import pytest

from tagsmith import Sentence, Span, Tagged
from tagsmith.text import spaced


def test_a_sentence_holds_tuples_of_what_it_was_given() -> None:
    tokens, tags = ["Jay", "left"], ["B-PER", "O"]
    sentence = Sentence(tokens, tags)
    tokens.append("!")
    assert sentence.tokens == ("Jay", "left")
    assert sentence.tags == ("B-PER", "O")
    assert len(sentence) == 2


def test_a_sentence_without_tags_has_none() -> None:
    assert Sentence(["Jay"]).tags is None


def test_a_sentence_may_be_empty() -> None:
    assert Sentence([]).tokens == ()
    assert Sentence([], []).tags == ()


def test_a_string_is_not_a_sequence_of_tokens() -> None:
    with pytest.raises(TypeError, match=r"not one string \('Jay left'\)"):
        Sentence("Jay left")


@pytest.mark.parametrize("tags", [[], ["O"], ["O"] * 3])
def test_a_sentence_has_a_tag_for_every_token(tags: list[str]) -> None:
    with pytest.raises(ValueError, match=f"{len(tags)} tags for 2 tokens"):
        Sentence(["Jay", "left"], tags)


def test_a_sentence_can_not_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        Sentence(["Jay"]).tokens = ()  # type: ignore[misc]


def test_equal_sentences_are_equal_and_hash_alike() -> None:
    assert Sentence(["a"], ["O"], "x", [1]) == Sentence(("a",), ("O",), "x", (1,))
    assert len({Sentence(["a"], ["O"]), Sentence(["a"], ["O"]), Sentence(["a"])}) == 2


def test_a_sentence_survives_pickling() -> None:
    sentence = Sentence(["a", "b"], ["O", "B-X"], "file.conll", [12, 14])
    assert pickle.loads(pickle.dumps(sentence)) == sentence


def test_every_token_has_its_line() -> None:
    sentence = Sentence(["a", "b"], None, "file.conll", [12, 14])
    assert (sentence.line_of(), sentence.line_of(1)) == (12, 14)


def test_a_sentence_from_nowhere_has_no_lines() -> None:
    assert Sentence(["a"]).line_of() is None


def test_a_span_is_a_half_open_slice() -> None:
    start, end, label = Span(1, 3, "LOC")
    assert ["in", "South", "Wales", "."][start:end] == ["South", "Wales"]
    assert label == "LOC"


def test_tokens_joined_by_spaces_stand_where_their_offsets_say() -> None:
    tokens = ["Jay", "e\u0301", "a b", "🇮🇳"]
    text, starts = spaced(tokens)
    assert text == "Jay e\u0301 a b 🇮🇳"
    assert [text[start : start + len(token)] for start, token in zip(starts, tokens, strict=True)] == tokens
    assert spaced([]) == ("", [])


def test_a_tagged_text_is_as_long_as_its_tokens() -> None:
    assert len(Tagged("a b", ("a", "b"), ("O", "O"), (), (0, 2), ((0, 2),))) == 2
