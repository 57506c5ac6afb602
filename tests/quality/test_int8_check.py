"""The check that a model scores the same in int8 as in fp32."""

from __future__ import annotations

import pytest

from tagsmith import ConfigError, Sentence, Tagger
from tagsmith.ops.recurrence import int8
from tagsmith.quality.int8_check import check_int8
from tests.support.handmade import SMALL, lexicon_model, random_model

GOLD = [
    Sentence(["Jay", "left", "New", "South", "Wales"], ["B-PER", "O", "B-LOC", "I-LOC", "I-LOC"]),
    Sentence([], []),
    Sentence(["Mira", "slept"], ["B-PER", "O"]),
]


@pytest.mark.skipif(not int8.can_run(), reason="this processor has no AVX-512 VNNI")
def test_the_record_has_the_scores_that_both_precisions_get() -> None:
    model = lexicon_model()
    checked = check_int8(model, GOLD)
    assert checked.int8 is not None
    assert checked.weights is model.weights
    fp32, low = (Tagger(model, precision=precision).evaluate(GOLD) for precision in ("fp32", "int8"))
    assert (checked.int8.dev_score_fp32, checked.int8.dev_score_int8) == (fp32.score, low.score)
    assert (checked.int8.dev_sentences, checked.int8.dev_tokens) == (3, 7)
    assert 0 < fp32.score < 100


def test_another_encoder_than_an_lstm_is_refused() -> None:
    model = random_model(1, settings={**SMALL, "encoder.kind": "rnn"})
    with pytest.raises(ConfigError, match=r"encoder\.kind=rnn; expected lstm"):
        check_int8(model, GOLD)
