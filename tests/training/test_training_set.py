"""The data of a training: tags, ids, word vectors, and the words that train the unknown word."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from tagsmith import formats
from tagsmith.batching import UNKNOWN
from tagsmith.config import TrainingConfig, configure
from tagsmith.embeddings import WordVectors
from tagsmith.errors import DataError
from tagsmith.text import Sentence
from tagsmith.training.training_set import TrainingSet, tag_rows, training_set, without_vector, word_vectors
from tagsmith.vocab import Vocabulary
from tests.support.handmade import random_model

SENTENCES = [
    Sentence(["Ann", "saw", "New", "York"], ["B-PER", "O", "B-LOC", "I-LOC"]),
    Sentence(["saw", "Bob"], ["O", "B-PER"]),
    Sentence(["Saw", "Carl", "1984"], ["O", "B-PER", "O"]),
]
VECTORS = WordVectors(Vocabulary(["bob", "saw", "zebra", "York"]), np.arange(8, dtype=np.float32).reshape(4, 2))


def make_set(scheme: str = "BIOES", vectors: WordVectors | None = None, **words: float) -> TrainingSet:
    settings = {"scheme": scheme, **{f"words.{name}": value for name, value in words.items()}}
    return training_set(SENTENCES, configure(settings=settings), vectors)


def words(data: TrainingSet, ids: np.ndarray) -> list[str]:
    return [data.alphabets.words.strings[i] for i in ids]


# Tags


def test_tags_are_all_those_of_the_scheme_for_the_labels_that_occur() -> None:
    letters = [f"{letter}-{label}" for label in ("LOC", "PER") for letter in "BIES"]
    assert make_set("BIOES").tags == ("O", *letters)
    assert make_set("IOB2").tags == ("O", "B-LOC", "I-LOC", "B-PER", "I-PER")
    assert make_set("IOE2").tags == ("O", "I-LOC", "E-LOC", "I-PER", "E-PER")
    assert make_set("BMES").tags[:5] == ("O", "B-LOC", "M-LOC", "E-LOC", "S-LOC")


def test_spans_are_written_in_the_models_scheme() -> None:
    data = make_set("BIOES")
    rows = [[data.tags[i] for i in ids] for ids in data.tag_ids]
    assert rows == [["S-PER", "O", "B-LOC", "E-LOC"], ["O", "S-PER"], ["O", "S-PER", "O"]]


def test_plain_tags_are_taken_as_they_are() -> None:
    plain = [Sentence(["a", "b"], ["NN", "VB"]), Sentence(["c"], ["I-odd"])]
    data = training_set(plain, configure(settings={"scheme": "plain"}), None)
    assert data.tags == ("I-odd", "NN", "VB")
    assert [ids.tolist() for ids in data.tag_ids] == [[1, 2], [0]]


def test_empty_sentences_are_left_out() -> None:
    data = training_set([Sentence([], []), *SENTENCES, Sentence([], [])], configure(), None)
    assert data.sentences == SENTENCES
    assert data.tokens == 9


# Errors


def test_training_on_no_sentences_is_an_error() -> None:
    with pytest.raises(DataError, match="found no sentences"):
        training_set([], configure(), None)
    with pytest.raises(DataError, match=r"^empty\.conll: found no sentences"):
        training_set([Sentence([], [], "empty.conll")], configure(), None)


def test_training_without_a_single_span_is_an_error() -> None:
    with pytest.raises(DataError, match=r"^a\.conll: found no spans: every tag is O"):
        training_set([Sentence(["a"], ["O"], "a.conll", [1])], configure(), None)


def test_a_sentence_without_tags_is_an_error_at_its_line() -> None:
    with pytest.raises(DataError, match=r"^a\.jsonl:7: found a sentence without tags; expected a tag for every token"):
        training_set([*SENTENCES, Sentence(["a"], None, "a.jsonl", [7])], configure(), None)


@pytest.mark.parametrize("scheme", ["BIOES", "plain"])
def test_an_empty_token_is_an_error_at_its_own_line(scheme: str) -> None:
    with pytest.raises(DataError, match=r"^a:8: found an empty token"):
        tag_rows([Sentence(["a", ""], ["O", "O"], "a", [7, 8])], scheme)


def test_a_tag_that_is_none_is_an_error_at_its_own_line(tmp_path: Path) -> None:
    path = tmp_path / "bad.conll"
    path.write_text("Ann\tB-PER\nran\tO\n\nBob\tO\nran\tNN\n", encoding="utf-8")
    with pytest.raises(DataError) as caught:
        training_set(list(formats.read(path)), configure(), None)
    assert (caught.value.source, caught.value.line) == (str(path), 5)
    assert str(caught.value).startswith(f"{path}:5: found tag 'NN' at token 'ran'")


# Batches


def test_an_epoch_has_every_sentence_once_with_its_own_tags() -> None:
    data = make_set(unknown_rate=0)
    batches = list(data.batches(TrainingConfig(batch_size=2), epoch=1))
    assert [len(batch.lengths) for batch, _ in batches] == [2, 1]
    found = []
    for batch, tags in batches:
        ends = np.cumsum(batch.lengths)[:-1]
        found += zip(map(tuple, np.split(batch.words, ends)), map(tuple, np.split(tags, ends)), strict=True)
    own = [tuple(map(data.alphabets.word_id, sentence.tokens)) for sentence in data.sentences]
    assert sorted(found) == sorted(zip(own, map(tuple, data.tag_ids), strict=True))


def test_epochs_differ_in_order_and_a_seed_fixes_them() -> None:
    data = training_set(
        [Sentence([f"w{'x' * i}"], ["B-A"]) for i in range(30)], configure(settings={"words.unknown_rate": 0}), None
    )

    def epochs(seed: int) -> list[list[int]]:
        settings = TrainingConfig(batch_size=7, seed=seed)
        return [[int(i) for batch, _ in data.batches(settings, epoch) for i in batch.words] for epoch in (1, 2)]

    first, second = epochs(1)
    assert first != second
    assert sorted(first) == sorted(second) == list(range(1, 31))
    assert epochs(1) == [first, second]
    assert epochs(2) != [first, second]


def test_a_batch_depends_on_its_own_number_and_not_on_the_batches_before() -> None:
    data = training_set([Sentence([f"w{'x' * i}"], ["B-A"]) for i in range(30)], configure(), None)
    settings = TrainingConfig(batch_size=7, seed=3)
    whole = [batch.words.tolist() for batch, _ in data.batches(settings, 2)]
    assert any(UNKNOWN in words for words in whole)
    for done in range(6):
        assert [batch.words.tolist() for batch, _ in data.batches(settings, 2, done)] == whole[done:]


# Words that train the unknown word


def test_words_seen_once_train_the_unknown_word() -> None:
    data = make_set()
    assert words(data, np.flatnonzero(data.unknown_rates)) == ["0000", "ann", "bob", "carl", "new", "york"]


def test_words_with_a_vector_never_train_the_unknown_word() -> None:
    # "bob" has a vector; "york" has none, as the table knows it only as "York".
    data = make_set(vectors=VECTORS)
    assert words(data, np.flatnonzero(data.unknown_rates)) == ["0000", "ann", "carl", "new", "york"]


def test_only_replaceable_words_are_replaced_and_about_at_the_rate() -> None:
    data = make_set(vectors=VECTORS, unknown_rate=0.3)
    epochs = [next(data.batches(TrainingConfig(batch_size=3), epoch)) for epoch in range(2_000)]
    assert sum((batch.words == UNKNOWN).sum() for batch, _ in epochs) / (2_000 * 5) == pytest.approx(0.3, abs=0.015)
    kept = sorted(data.alphabets.word_id(token) for token in ("saw", "saw", "saw", "bob"))
    for batch, _ in epochs:
        assert sorted(i for i in batch.words.tolist() if i != UNKNOWN and not data.unknown_rates[i]) == kept


def test_dropout_replaces_any_word_the_less_often_the_more_it_is_seen() -> None:
    data = make_set(vectors=VECTORS, dropout=0.5, unknown_rate=0.4)
    rates = dict(zip(words(data, np.arange(1, data.alphabets.trained)), data.unknown_rates[1:].tolist(), strict=True))
    assert rates == pytest.approx(
        {"0000": 0.4, "ann": 0.4, "carl": 0.4, "new": 0.4, "york": 0.4, "bob": 1 / 3, "saw": 1 / 7}
    )
    assert data.unknown_rates[UNKNOWN] == 0


def test_a_replaced_word_keeps_its_spelling() -> None:
    (whole, tags), (replaced, same) = (
        next(make_set(unknown_rate=rate).batches(TrainingConfig(batch_size=3), epoch=1)) for rate in (0.0, 1 - 1e-12)
    )
    assert (replaced.words == UNKNOWN).sum() == 6
    for name in ("spelling", "chars", "word_lengths", "lengths"):
        assert getattr(replaced, name).tolist() == getattr(whole, name).tolist()
    assert same.tolist() == tags.tolist()


# Word vectors


def test_words_of_the_table_have_its_rows_and_others_are_drawn() -> None:
    data = make_set(vectors=VECTORS)
    table = word_vectors(data.alphabets, VECTORS, 2, np.random.default_rng(0))
    assert data.alphabets.words.strings[data.alphabets.trained :] == ["zebra", "York"]
    assert table.shape == (len(data.alphabets.words), 2)
    assert table.dtype == np.float32
    rows = {"bob": 0, "saw": 1, "zebra": 2, "York": 3}
    for i, word in enumerate(data.alphabets.words.strings):
        if word in rows:
            assert table[i].tolist() == VECTORS.matrix[rows[word]].tolist()
        else:
            assert (np.abs(table[i]) <= (3 / 2) ** 0.5).all()
            assert len(set(map(tuple, table.tolist()))) == len(table)


def test_a_words_vector_is_found_in_lower_case_where_case_is_kept() -> None:
    config = configure(settings={"words.lowercase": False})
    data = training_set(SENTENCES, config, VECTORS)
    table = word_vectors(data.alphabets, VECTORS, 2, np.random.default_rng(0))
    for word, row in {"Bob": 0, "Saw": 1, "saw": 1, "York": 3}.items():
        assert table[data.alphabets.words.id_of(word)].tolist() == VECTORS.matrix[row].tolist()


def test_drawn_vectors_fill_the_papers_range() -> None:
    many = [Sentence([f"w{'x' * i}"], ["B-A"]) for i in range(200)]
    data = training_set(many, configure(), None)
    table = word_vectors(data.alphabets, None, 30, np.random.default_rng(0))
    bound = (3 / 30) ** 0.5
    assert table.shape == (201, 30)
    assert 0.99 * bound < np.abs(table).max() <= bound * (1 + 1e-6)
    assert table.std() == pytest.approx(bound / 3**0.5, rel=0.05)


# Words without a vector


def lacking(data: TrainingSet, ids: np.ndarray | None) -> list[str]:
    assert ids is not None
    assert ids.dtype == np.int64
    return words(data, ids)


def test_words_without_a_vector_are_those_in_no_form_in_the_file() -> None:
    data = make_set(vectors=VECTORS)  # which has York, but "york" is looked up
    assert lacking(data, without_vector(data.alphabets, VECTORS)) == ["0000", "ann", "carl", "new", "york"]


def test_without_vectors_no_word_has_one() -> None:
    data = make_set()
    assert lacking(data, without_vector(data.alphabets, None)) == data.alphabets.words.strings[1:]


def test_a_word_of_an_older_model_has_a_vector_if_its_vector_file_had_it() -> None:
    old = dataclasses.replace(random_model(1), without_vector=np.array([1, 3]))  # word0 and word2
    sentence = [Sentence(["word5", "zebra", "yak"], ["O", "S-X", "O"])]
    config = configure(settings={"words.zero_digits": False})
    data = training_set(sentence, config, VECTORS, old.alphabets)
    assert lacking(data, without_vector(data.alphabets, VECTORS, old)) == ["yak", "word0", "word2"]
    silent = dataclasses.replace(old, without_vector=None)
    assert without_vector(data.alphabets, VECTORS, silent) is None
