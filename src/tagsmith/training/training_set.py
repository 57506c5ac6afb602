"""The data of a training: sentences with their tags in the model's scheme, as ids; and the dev sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tagsmith.batching import UNKNOWN, Alphabets, Batch, build_alphabets
from tagsmith.config import Config, TrainingConfig
from tagsmith.embeddings import WordVectors
from tagsmith.errors import DataError
from tagsmith.metrics import Scores, score
from tagsmith.schemes import OUTSIDE, PLAIN, SCHEMES, gold_tags, sentence_spans, tag_labels
from tagsmith.store import Model
from tagsmith.tensors import Bools, Ids
from tagsmith.text import Sentence
from tagsmith.vocab import ABSENT


@dataclass(frozen=True)
class TrainingSet:
    """The training sentences, the alphabets and tags that they define, and which words train the unknown word."""

    sentences: list[Sentence]
    alphabets: Alphabets
    tags: tuple[str, ...]
    tag_ids: list[Ids]
    batch: Batch
    """All sentences. So each string is looked up once."""
    unknown_rates: NDArray[np.float64]
    """How often the unknown word replaces each word. Shape: [trained]."""

    @property
    def tokens(self) -> int:
        """Tokens in all sentences."""
        return sum(map(len, self.sentences))

    def batches(self, training: TrainingConfig, epoch: int, done: int = 0) -> Iterator[tuple[Batch, Ids]]:
        """Yield the batches of an epoch, without its first ``done`` ones, with the tag ids [N] of each.

        The sentences come in random order. A batch depends on the seed, the epoch and its own number alone.
        """
        order = random(training.seed, epoch).permutation(len(self.sentences))
        starts = range(0, len(order), training.batch_size)
        for step in range(done, len(starts)):
            chosen = order[starts[step] :][: training.batch_size]
            batch = self.batch.take(chosen)
            drawn = random(training.seed, epoch, step + 1).random(len(batch.words))
            words = np.where(drawn < self.unknown_rates[batch.words], UNKNOWN, batch.words)
            yield (
                Batch(words, batch.spelling, batch.chars, batch.word_lengths, batch.lengths),
                np.concatenate([self.tag_ids[i] for i in chosen]),
            )


def random(*counters: int) -> np.random.Generator:
    """Return a generator for a seed, an epoch and a step. Its numbers do not depend on those drawn before."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(counters)))


def training_set(
    sentences: Sequence[Sentence], config: Config, vectors: WordVectors | None, old: Alphabets | None = None
) -> TrainingSet:
    """Return training sentences with their alphabets, tags and ids.

    Args:
        old: those of a model to start from. The new alphabets have all its words and characters too.

    Raises:
        DataError: no sentence, a sentence without tags, an empty token, or a tag that the scheme can't read.
    """
    kept = [sentence for sentence in sentences if len(sentence)]
    if not kept:
        source = sentences[0].source if sentences else ""
        raise DataError("no sentences", "at least one tagged sentence to train on", source=source)
    rows = tag_rows(kept, config.scheme)
    tags = _tags(kept, rows, config)
    known = [*(old.words.strings if old else ()), *(vectors.words.strings if vectors else ())]
    alphabets, counts = build_alphabets(
        (sentence.tokens for sentence in kept), config.words, dict.fromkeys(known), old.chars.strings if old else ()
    )
    words = alphabets.words.strings[1 : alphabets.trained]
    seen = np.array([counts[word] for word in words])
    is_rare = (seen == 1) & ~_have_vectors(words, vectors, old)
    dropped = config.words.dropout / (config.words.dropout + seen)
    rates = np.concatenate([[0.0], np.maximum(dropped, np.where(is_rare, config.words.unknown_rate, 0.0))])
    ids = {tag: i for i, tag in enumerate(tags)}
    tag_ids = [np.array([ids[tag] for tag in row], np.int64) for row in rows]
    batch = alphabets.batch([sentence.tokens for sentence in kept])
    return TrainingSet(kept, alphabets, tags, tag_ids, batch, rates)


def _tags(sentences: Sequence[Sentence], rows: Sequence[Sequence[str]], config: Config) -> tuple[str, ...]:
    """All tags of the model: those of the scheme for the labels in the data, or the plain tags in the data."""
    if config.is_plain:
        return tag_labels((tag for row in rows for tag in row), config.scheme)
    labels = sorted({span.label for sentence in sentences for span in sentence_spans(sentence)})
    if not labels:
        found = "no spans: every tag is O"
        raise DataError(found, "at least one labelled span to learn from", source=sentences[0].source)
    return tuple(SCHEMES[config.scheme].tags(labels))


def _have_vectors(words: Sequence[str], vectors: WordVectors | None, old: Alphabets | None) -> Bools:
    """Return for each word whether a vector file, or an older model, has a row that no training made.

    A row that the older model trained may be that of a word which also trained the unknown word. It continues to.
    """
    has = np.zeros(len(words), bool)
    if vectors is not None:
        has |= vectors.words.find_all(words) != ABSENT
    if old is not None:
        has |= old.words.find_all(words) >= old.trained
    return has


def without_vector(alphabets: Alphabets, vectors: WordVectors | None, old: Model | None = None) -> Ids | None:
    """Return the words that neither a vector file nor that of the model to start from has; None if that model does
    not say."""
    words = alphabets.words.strings[1 : None if old else alphabets.trained]  # all others are from the vector file
    has = np.zeros(len(words), bool)
    if vectors is not None:
        has |= vectors.words.find_all(words) != ABSENT
    if old is not None:
        if old.without_vector is None:
            return None
        ids = old.alphabets.words.find_all(words)
        has |= (ids != ABSENT) & ~np.isin(ids, old.without_vector)
    return np.flatnonzero(~has) + 1


def tag_rows(sentences: Sequence[Sentence], scheme: str) -> list[Sequence[str]]:
    """Return the gold tags of sentences, with their spans written in a scheme; plain tags as they are.

    Raises:
        DataError: a sentence without tags, an empty token, or a tag that is not a span tag.
    """
    for sentence in sentences:
        if sentence.tags is None:
            found = "a sentence without tags"
            raise DataError(found, "a tag for every token", source=sentence.source, line=sentence.line_of())
        if "" in sentence.tokens:
            line = sentence.line_of(sentence.tokens.index(""))
            raise DataError("an empty token", "tokens of at least one character", source=sentence.source, line=line)
    return [gold_tags(sentence, scheme) for sentence in sentences]


@dataclass(frozen=True)
class DevSet:
    """The sentences that choose the best epoch."""

    sentences: Sequence[Sentence]
    """All of them."""
    tokens: list[Sequence[str]]
    """Of the sentences that have any."""
    gold: list[Sequence[str]]
    """The gold tags of these sentences, in the model's scheme."""
    spans: bool
    """Whether the tags spell spans."""

    def score(self, predicted: Sequence[Sequence[str]]) -> Scores:
        """Return the scores of predicted tags, one row for each sentence in ``tokens``."""
        return score(zip(self.gold, predicted, strict=True), spans=self.spans)


def dev_set(sentences: Sequence[Sentence], scheme: str) -> DevSet:
    """Return dev sentences with their gold tags.

    Raises:
        DataError: no sentences, or no spans in them; or what ``tag_rows`` raises.
    """
    kept = [sentence for sentence in sentences if len(sentence)]
    gold, spans = tag_rows(kept, scheme), scheme != PLAIN
    if not gold or (spans and all(tag == OUTSIDE for row in gold for tag in row)):
        found = "no spans: every tag is O" if gold else "no sentences"
        source = sentences[0].source if sentences else "dev"
        raise DataError(found, "dev sentences to choose the best epoch by", source=source)
    return DevSet(sentences, [sentence.tokens for sentence in kept], gold, spans)


def unseen_labels(gold: Sequence[Sequence[str]], tags: Sequence[str], scheme: str) -> list[str]:
    """Return the labels, or plain tags, of gold rows that are not among the tags learned. No prediction has them."""
    return list(tag_labels({tag for row in gold for tag in row} - set(tags), scheme))


def word_vectors(alphabets: Alphabets, vectors: WordVectors | None, dim: int, rng: np.random.Generator) -> np.ndarray:
    """Return the word table: the vectors' row of a word that they have, U(±√(3/dim)) for others. Shape: [words, dim].

    Source: Ma and Hovy 2016, §3.1.
    """
    table = rng.uniform(-((3 / dim) ** 0.5), (3 / dim) ** 0.5, (alphabets.trained, dim)).astype(np.float32)
    if vectors is None:
        return table
    words = alphabets.words.strings
    found = vectors.words.find_all(words[1 : alphabets.trained])
    known = np.flatnonzero(found != ABSENT)
    table[1 + known] = vectors.matrix[found[known]]
    return np.concatenate([table, vectors.matrix[vectors.words.ids_of(words[alphabets.trained :])]])
