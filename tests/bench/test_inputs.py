from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagsmith import DataError, Sentence, Tagger
from tagsmith.bench import inputs as corpus
from tagsmith.bench.measurements import MeasurementRefused
from tests.support.handmade import lexicon_model

GOLD = [Sentence(["Jay", "sings"], ["B-PER", "O"]), Sentence(["India"], ["B-LOC"])]


class TestCheckAnswer:
    def test_the_score_is_conllevals(self):
        assert corpus.check_answer({"tags": 3, "spans": [[[0, 1, "PER"]], [[0, 1, "LOC"]]]}, GOLD) == 100.0
        assert corpus.check_answer({"tags": 3, "spans": [[[0, 1, "PER"]], [[0, 1, "PER"]]]}, GOLD) == 50.0

    @pytest.mark.parametrize(
        ("answer", "why"),
        [
            ({"tags": 2, "spans": [[[0, 1, "PER"]], []]}, "2 tags in 2 sentences for 3 tokens in 2"),
            ({"tags": 3, "spans": [[[0, 1, "PER"]]]}, "3 tags in 1 sentences for 3 tokens in 2"),
            ({"tags": 3, "spans": [[], [[0, 1, "PER"]]]}, "not one span is right"),
        ],
    )
    def test_an_answer_with_too_little_in_it_is_refused(self, answer: dict, why: str):
        with pytest.raises(MeasurementRefused) as refused:
            corpus.check_answer(answer, GOLD)
        assert str(refused.value) == why


def test_spans_may_differ_in_one_sentence_of_a_thousand():
    many = [[[0, 1, "PER"]]] * 1000
    corpus.check_same(many, [[], *many[1:]])
    with pytest.raises(MeasurementRefused, match=r"^2 of 1000 sentences got other spans"):
        corpus.check_same(many, [[], [], *many[2:]])
    with pytest.raises(MeasurementRefused, match=r"^1 of 2 sentences"):
        corpus.check_same([[], []], [[], [[0, 1, "PER"]]])


@given(st.lists(st.integers(1, 9), min_size=1, max_size=9), st.integers(1, 30), st.integers(1, 60))
def test_cut_sentences_have_the_length_asked_for(lengths: list[int], length: int, tokens: int):
    sentences = [Sentence([f"w{i}.{j}" for j in range(n)]) for i, n in enumerate(lengths)]
    cut = corpus.of_length(sentences, length, tokens)
    assert len(cut) >= 1
    assert {len(sentence) for sentence in cut} == {length}
    assert length * len(cut) <= max(tokens, length)
    text = [token for sentence in sentences for token in sentence.tokens] * length
    assert [token for sentence in cut for token in sentence.tokens] == text[: length * len(cut)]


def test_a_corpus_without_spans_is_no_corpus(tmp_path: Path):
    path = tmp_path / "x.conll"
    path.write_text("a O\n\n")
    with pytest.raises(DataError, match="found no spans"):
        corpus.read(str(path))


def test_a_corpus_is_read_as_iob2(tmp_path: Path):
    path = tmp_path / "x.conll"
    path.write_text("-DOCSTART- O\n\nNew B-LOC\nYork E-LOC\n\nJay S-PER\n\n")
    assert [sentence.tags for sentence in corpus.read(str(path))] == [("B-LOC", "I-LOC"), ("B-PER",)]


def test_further_words_change_no_answer():
    model = lexicon_model()
    larger = corpus.with_words(model, 5_000)
    assert len(larger.alphabets.words) == len(larger.weights["words.vectors"]) == 5_000
    assert larger.alphabets.words.strings[: len(model.alphabets.words)] == model.alphabets.words.strings
    text = "Mira Okafor sings in New South Wales ."
    assert Tagger(larger).tag(text) == Tagger(model).tag(text)


def test_of_a_smaller_table_only_untrained_words_are_left_out():
    words = {f"w{number}": "O" for number in range(50)}
    model = lexicon_model(words)
    trained = model.alphabets.trained
    larger = corpus.with_words(model, 80)
    smaller = corpus.with_words(larger, 70)
    assert smaller.alphabets.words.strings == larger.alphabets.words.strings[:70]
    assert np.array_equal(smaller.weights["words.vectors"], larger.weights["words.vectors"][:70])
    assert len(corpus.with_words(larger, 3).alphabets.words) == trained


def test_a_model_of_more_labels_answers_legally():
    model = corpus.with_labels(lexicon_model(), 9)
    assert len(model.tags) == 1 + 4 * 9
    assert np.isfinite(model.weights["head.weight"]).all()
    assert len(Tagger(model).tag("Jay is from India .").tags) == 5
