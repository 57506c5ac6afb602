"""The sentences of a benchmark: reading, writing, cutting and repeating them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagsmith import DataError, Sentence
from tagsmith.bench.inputs import (
    count_tokens,
    cut_to_length,
    digest,
    first_tokens,
    read_spans_file,
    repeat,
    write_columns,
)
from tagsmith.bench.runner import read_columns

LENGTHS = st.lists(st.integers(1, 9), min_size=1, max_size=9)


def sentences_of(lengths: list[int]) -> list[Sentence]:
    return [Sentence([f"w{i}.{j}" for j in range(n)]) for i, n in enumerate(lengths)]


@given(LENGTHS, st.integers(1, 30), st.integers(1, 60))
def test_cut_sentences_have_the_length_asked_for(lengths: list[int], length: int, tokens: int):
    sentences = sentences_of(lengths)
    cut = cut_to_length(sentences, length, tokens)
    assert len(cut) >= 1
    assert {len(sentence) for sentence in cut} == {length}
    assert length * len(cut) <= max(tokens, length)
    text = [token for sentence in sentences for token in sentence.tokens] * length
    assert [token for sentence in cut for token in sentence.tokens] == text[: length * len(cut)]


def test_a_file_without_spans_is_refused(tmp_path: Path):
    path = tmp_path / "x.conll"
    path.write_text("a O\n\n")
    with pytest.raises(DataError, match="found no spans"):
        read_spans_file(str(path))


def test_tags_are_read_as_iob2(tmp_path: Path):
    path = tmp_path / "x.conll"
    path.write_text("-DOCSTART- O\n\nNew B-LOC\nYork E-LOC\n\nJay S-PER\n\n")
    assert [sentence.tags for sentence in read_spans_file(str(path))] == [("B-LOC", "I-LOC"), ("B-PER",)]


@given(LENGTHS, st.integers(1, 60))
def test_repeated_sentences_hold_the_tokens_asked_for_and_no_more_rounds(lengths: list[int], tokens: int):
    sentences = sentences_of(lengths)
    repeated = repeat(sentences, tokens)
    assert repeated[: len(sentences)] == sentences
    assert 0 <= count_tokens(repeated) - tokens < sum(lengths)


@given(LENGTHS, st.integers(1, 60))
def test_first_sentences_hold_the_tokens_asked_for(lengths: list[int], tokens: int):
    sentences = sentences_of(lengths)
    first = first_tokens(sentences, tokens)
    assert first == sentences[: len(first)]
    assert len(first) == len(sentences) or count_tokens(first) >= tokens
    assert count_tokens(first[:-1]) < tokens


def test_a_digest_depends_on_content_and_extra_text_only(tmp_path: Path):
    for name, text in (("a", "x"), ("b", "x"), ("c", "y")):
        (tmp_path / name).write_text(text)
    a, b, c = (str(tmp_path / name) for name in "abc")
    assert digest(a) == digest(b)
    assert len({digest(a), digest(c), digest(a, c), digest(a, extra="e")}) == 4


def test_columns_are_read_as_they_were_written(tmp_path: Path):
    sentences = [Sentence(["New\u2028York", "’s"], ["B-LOC", "O"]), Sentence(["a\x0cb"], ["O"])]
    path = write_columns(sentences, tmp_path / "x.columns")
    assert list(read_columns(path)) == [(["New\u2028York", "’s"], ["B-LOC", "O"]), (["a\x0cb"], ["O"])]
