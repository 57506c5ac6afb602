"""What is measured on: sentences as files that every job reads, and models with more words or labels than they have."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from tagsmith import formats, metrics, store
from tagsmith.bench.measurements import MeasurementRefused
from tagsmith.config import from_builtins
from tagsmith.errors import DataError
from tagsmith.files import read_chunks, replacing
from tagsmith.formats import conll
from tagsmith.schemes import SCHEMES, sentence_spans
from tagsmith.text import Sentence, Span
from tagsmith.vocab import Vocabulary


def read(path: str) -> list[Sentence]:
    """The sentences of a file of tagged spans, tags as IOB2.

    Raises:
        DataError: no such file, a malformed line, no sentences, or no spans.
    """
    sentences = [sentence for sentence in formats.read(path) if len(sentence)]
    rows = [SCHEMES["IOB2"].write(sentence_spans(sentence), len(sentence)) for sentence in sentences]
    if not any(tag != "O" for row in rows for tag in row):
        raise DataError("no spans", "sentences with labelled spans", source=path)
    return [Sentence(sentence.tokens, row) for sentence, row in zip(sentences, rows, strict=True)]


def write(sentences: Iterable[Sentence], path: Path) -> str:
    """Write sentences as ``serving`` reads them; gives the path."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        conll.write(sentences, file)
    return str(path)


def digest(*paths: str, about: str = "") -> str:
    """A short name for what files hold together, and a text besides."""
    result = hashlib.sha256(about.encode())
    for path in paths:
        for chunk in read_chunks(path):
            result.update(chunk)
    return result.hexdigest()[:12]


def of_length(sentences: Sequence[Sentence], length: int, tokens: int) -> list[Sentence]:
    """Sentences of exactly ``length`` tokens, at least one of them, cut from the running text; without tags to score.

    At most ``tokens`` tokens in all; a text that is shorter than one such sentence is repeated.
    """
    text = [token for sentence in sentences for token in sentence.tokens]
    text *= -(-length // len(text))
    last = min(len(text), max(tokens, length)) - length
    return [Sentence(text[start : start + length], ["O"] * length) for start in range(0, last + 1, length)]


def repeated(sentences: Sequence[Sentence], tokens: int) -> list[Sentence]:
    """The sentences again and again, until there are at least ``tokens`` tokens."""
    return list(sentences) * -(-tokens // sum(map(len, sentences)))


def check_answer(answer: dict[str, Any], gold: Sequence[Sentence]) -> float:
    """The F1 of an answer as the tagging jobs give it.

    Raises:
        Refused: it has not a tag for every token, or not one right span.
    """
    tokens = sum(map(len, gold))
    if answer["tags"] != tokens or len(answer["spans"]) != len(gold):
        found = f"{answer['tags']:,} tags in {len(answer['spans']):,} sentences"
        raise MeasurementRefused(f"{found} for {tokens:,} tokens in {len(gold):,}")
    write_tags = SCHEMES["IOB2"].write
    rows = (
        write_tags([Span(*span) for span in spans], len(sentence))
        for spans, sentence in zip(answer["spans"], gold, strict=True)
    )
    scores = metrics.score(zip((sentence.tags or () for sentence in gold), rows, strict=True), spans=True)
    if not scores.f1:
        raise MeasurementRefused("not one span is right")
    return scores.f1


def check_same(spans: list[Any], others: list[Any]) -> None:
    """See to it that two ways to tag the same sentences find the same spans.

    Float32 rounds products of another shape otherwise, so one sentence in a thousand may differ.

    Raises:
        Refused: they don't.
    """
    differing = sum(a != b for a, b in zip(spans, others, strict=True))
    if differing > len(spans) / 1000:
        raise MeasurementRefused(f"{differing} of {len(spans)} sentences got other spans")


def with_words(model: store.Model, count: int) -> store.Model:
    """The model with a word table of ``count`` rows, but of all words it was trained on.

    Further words are in no text, and have random vectors; left out are the last ones.
    """
    count = max(count, model.alphabets.trained)
    words, vectors = model.alphabets.words.strings[:count], model.weights["words.vectors"][:count]
    more = count - len(words)
    rows = np.random.default_rng(1).standard_normal((more, vectors.shape[1]), np.float32)
    table = Vocabulary([*words, *(f"\ue000{number}" for number in range(more))])  # a private character: no real word
    alphabets = dataclasses.replace(model.alphabets, words=table)
    weights = {**model.weights, "words.vectors": np.concatenate([vectors, rows])}
    return dataclasses.replace(model, alphabets=alphabets, weights=weights)


def with_labels(model: store.Model, count: int) -> store.Model:
    """The model with a CRF of ``count`` labels and random weights in its place: what it answers is noise."""
    values = {**msgspec.to_builtins(model.config), "scheme": "BIOES", "head": {"kind": "crf", "potentials": "shared"}}
    settings = from_builtins(values)
    tags = tuple(SCHEMES["BIOES"].tags([f"L{number}" for number in range(count)]))
    rng = np.random.default_rng(1)
    shapes = store.shapes(settings, model.alphabets, len(tags))
    head = {name: rng.standard_normal(shape, np.float32) for name, shape in shapes.items() if name.startswith("head.")}
    kept = {name: weight for name, weight in model.weights.items() if not name.startswith("head.")}
    return dataclasses.replace(model, config=settings, tags=tags, weights={**kept, **head})
