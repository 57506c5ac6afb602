"""What training learns from: sentences with their spans written in the model's scheme, and ids for both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tagsmith.batching import UNKNOWN, Alphabets, Batch, build_alphabets
from tagsmith.config import Config, TrainingConfig
from tagsmith.embeddings import WordVectors
from tagsmith.errors import DataError
from tagsmith.schemes import OUTSIDE, SCHEMES, sentence_spans, split_tag
from tagsmith.store import Model
from tagsmith.tensors import Ids
from tagsmith.text import Sentence
from tagsmith.vocab import ABSENT


@dataclass(frozen=True)
class TrainingSet:
    """The training sentences, the alphabets and tags they define, and which words stand in for unknown ones."""

    sentences: list[Sentence]
    alphabets: Alphabets
    tags: tuple[str, ...]
    tag_ids: list[Ids]
    batch: Batch
    """All sentences: what their strings are is looked up once."""
    unknown_rates: NDArray[np.float64]
    """How often each word is replaced by the unknown word. Shape: [trained]."""

    @property
    def tokens(self) -> int:
        """Tokens in all sentences."""
        return sum(map(len, self.sentences))

    def batches(self, training: TrainingConfig, epoch: int, done: int = 0) -> Iterator[tuple[Batch, Ids]]:
        """One epoch: the sentences in random order, a batch at a time, with their tag ids [N].

        Each batch depends on the seed, the epoch and its own number alone: without the first ``done`` batches the
        others are the same.
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
    """Random numbers of a seed, an epoch and a step: the same whatever was drawn before them."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(counters)))


def training_set(
    sentences: Sequence[Sentence], config: Config, vectors: WordVectors | None, old: Alphabets | None = None
) -> TrainingSet:
    """Alphabets, tags and ids for training sentences.

    Args:
        old: those of a model to start from: the new alphabets have all its words and characters too.

    Raises:
        DataError: no sentence, a sentence without tags, an empty token, or a tag the scheme can't read.
    """
    kept = [sentence for sentence in sentences if len(sentence)]
    if not kept:
        source = sentences[0].source if sentences else ""
        raise DataError("no sentences", "at least one tagged sentence to train on", source=source)
    rows = tag_rows(kept, config.scheme)
    if config.scheme in SCHEMES:
        labels = sorted({span.label for sentence in kept for span in sentence_spans(sentence)})
        if not labels:
            found = "no spans: every tag is O"
            raise DataError(found, "at least one labelled span to learn from", source=kept[0].source)
        tags = tuple(SCHEMES[config.scheme].tags(labels))
    else:
        tags = tuple(sorted({tag for row in rows for tag in row}))
    known = [*(old.words.strings if old else ()), *(vectors.words.strings if vectors else ())]
    alphabets, counts = build_alphabets(
        (sentence.tokens for sentence in kept), config.words, dict.fromkeys(known), old.chars.strings if old else ()
    )
    words = alphabets.words.strings[1 : alphabets.trained]
    seen = np.array([counts[word] for word in words])
    stand_in = (seen == 1) & ~_have_vectors(words, vectors, old)
    dropped = config.words.dropout / (config.words.dropout + seen)
    rates = np.concatenate([[0.0], np.maximum(dropped, np.where(stand_in, config.words.unknown_rate, 0.0))])
    ids = {tag: i for i, tag in enumerate(tags)}
    tag_ids = [np.array([ids[t] for t in row], np.int64) for row in rows]
    batch = alphabets.batch([sentence.tokens for sentence in kept])
    return TrainingSet(kept, alphabets, tags, tag_ids, batch, rates)


def _have_vectors(words: Sequence[str], vectors: WordVectors | None, old: Alphabets | None) -> NDArray[np.bool_]:
    """Whether a vector file or an older model has a row of each word that no training made. A row that the older model
    trained may be of a word that stood in for the unknown one, and goes on to."""
    has = np.zeros(len(words), bool)
    if vectors is not None:
        has |= vectors.words.find_all(words) != ABSENT
    if old is not None:
        has |= old.words.find_all(words) >= old.trained
    return has


def without_vector(alphabets: Alphabets, vectors: WordVectors | None, old: Model | None = None) -> Ids | None:
    """The words that neither a vector file nor that of the model to start from has; None if that model does not say."""
    words = alphabets.words.strings[1 : None if old else alphabets.trained]  # all others are of the vector file
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
    """The gold tags of sentences, spans written in a scheme; tags as they are for ``plain``.

    Raises:
        DataError: a sentence without tags, an empty token, or a tag that is no span tag.
    """
    for sentence in sentences:
        if sentence.tags is None:
            found = "a sentence without tags"
            raise DataError(found, "a tag for every token", source=sentence.source, line=sentence.line_of())
        if "" in sentence.tokens:
            line = sentence.line_of(sentence.tokens.index(""))
            raise DataError("an empty token", "tokens of at least one character", source=sentence.source, line=line)
    if scheme not in SCHEMES:
        return [sentence.tags or () for sentence in sentences]
    return [SCHEMES[scheme].write(sentence_spans(sentence), len(sentence)) for sentence in sentences]


def dev_rows(sentences: Sequence[Sentence], scheme: str) -> list[Sequence[str]]:
    """The gold tags of the dev sentences that have tokens, as ``tag_rows`` gives them.

    Raises:
        DataError: nothing to choose an epoch by, or what ``tag_rows`` raises.
    """
    rows = tag_rows([sentence for sentence in sentences if len(sentence)], scheme)
    if not rows or (scheme in SCHEMES and all(tag == OUTSIDE for row in rows for tag in row)):
        found = "no spans: every tag is O" if rows else "no sentences"
        raise DataError(found, "dev sentences to choose the best epoch by", source=_source(sentences))
    return rows


def unseen_labels(gold: Sequence[Sequence[str]], tags: Sequence[str], scheme: str) -> list[str]:
    """Labels, or plain tags, of gold rows that are not among the tags learned: no answer can have them."""
    unseen = {tag for row in gold for tag in row} - set(tags)
    return sorted({split_tag(tag)[1] for tag in unseen} if scheme in SCHEMES else unseen)


def _source(sentences: Sequence[Sentence]) -> str:
    return sentences[0].source if sentences else "dev"


def word_vectors(alphabets: Alphabets, vectors: WordVectors | None, dim: int, rng: np.random.Generator) -> np.ndarray:
    """The word table: a row of the vectors where they have the word, U(±√(3/dim)) where not. Shape: [words, dim].

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
