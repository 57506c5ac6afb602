"""Batches that are put together on a device: words, sentences, and the row of characters with its gaps."""

from __future__ import annotations

import numpy as np

from tests.support.device_models import CHOSEN, PADDING, SENTENCES, batch_of, corpus_of, make_model


def test_a_batch_is_put_together_from_the_numbers_of_its_sentences(device: str) -> None:
    model = make_model(0)
    batch = batch_of(corpus_of(model, device), device)
    for s, numbers in enumerate(CHOSEN):
        sentences = [SENTENCES[i] if i < PADDING else [] for i in numbers]
        expected = model.alphabets.batch([sentence for sentence in sentences if sentence])
        count = sum(map(len, sentences))
        assert batch.lengths[s].tolist() == [len(sentence) for sentence in sentences]
        assert batch.starts[s].tolist() == np.cumsum([0, *map(len, sentences)])[:-1].tolist()
        assert batch.words[s, :count].tolist() == expected.words.tolist()
        assert set(batch.words[s, count:].tolist()) <= {0}
        assert batch.sentence[s].tolist()[count:] == [len(numbers)] * (batch.words.shape[1] - count)


def test_the_row_of_characters_has_a_gap_before_each_word_and_after_the_last(device: str) -> None:
    model = make_model(0)
    batch = batch_of(corpus_of(model, device), device)
    known = set(model.alphabets.chars.strings)
    for s, numbers in enumerate(CHOSEN):
        tokens = [token for i in numbers if i < PADDING for token in SENTENCES[i]]
        row = "".join([*model.alphabets.chars.strings, "_"][i] or "?" for i in batch.chars[s].tolist())
        spelled = ["".join(c if c in known else "?" for c in model.alphabets.spelling_of(t)) for t in tokens]
        assert row.rstrip("_") == "_" + "_".join(spelled)
        for word, spelling in enumerate(spelled):
            at = (batch.word_of[s] == word).nonzero().flatten().tolist()
            assert row[at[0] : at[-1] + 1] == spelling
            assert len(at) == len(tokens[word])


def test_a_shape_holds_all_batches_and_comes_in_multiples() -> None:
    corpus = corpus_of(make_model(0), "cpu")
    assert corpus.batch_shape(np.array(CHOSEN), step=4) == (16, 128)  # 13 words; 40 characters with their gaps
    assert corpus.batch_shape(np.array([[1]]), step=4) == (4, 32)
    assert corpus.batch_shape(np.array([[3]]), step=1) == (4, 32)  # the characters decide
    assert corpus.padding == PADDING
