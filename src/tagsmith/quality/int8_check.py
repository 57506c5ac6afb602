"""A check that a model scores the same in int8 as in fp32."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from tagsmith.engine import make_engine
from tagsmith.engine.decoding import DecodeOptions
from tagsmith.metrics import Scores
from tagsmith.quality.scoring import score_sentences
from tagsmith.rule_compiler import RuleCompiler
from tagsmith.store import Int8Check, Model
from tagsmith.tagging import tag_all, threads_for
from tagsmith.text import Sentence


def check_int8(model: Model, dev: Sequence[Sentence], threads: int | None = None) -> Model:
    """Return the model with a record of its dev scores in fp32 and in int8. Its weights stay as they are.

    Raises:
        DataError: a sentence without tags.
        ConfigError: an encoder that is not an LSTM, or a processor without AVX-512 VNNI.
    """
    fp32, int8 = (_scores(model, dev, precision, threads) for precision in ("fp32", "int8"))
    check = Int8Check(
        dev_score_fp32=fp32.score, dev_score_int8=int8.score, dev_sentences=fp32.sentences, dev_tokens=fp32.tokens
    )
    return dataclasses.replace(model, int8=check)


def _scores(model: Model, dev: Sequence[Sentence], precision: str, threads: int | None) -> Scores:
    engine = make_engine(model, precision=precision)
    scheme = model.config.scheme
    answers = tag_all(
        dev,
        engine,
        model.tags,
        model.config.tokenizer,
        None if model.is_plain else scheme,
        threads_for(threads) if engine.parallel else 1,
        DecodeOptions(),
        RuleCompiler(model.tags, scheme),
    )
    return score_sentences(((sentence, tagged) for sentence, (tagged, _) in zip(dev, answers, strict=True)), scheme)
