"""Turn sentences into a Batch of ids. After this, there are no strings.

A batch has no padding. It concatenates the words of its sentences and the characters of its distinct words. Lengths say
where each begins.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tagsmith import config
from tagsmith.tensors import Ids, ranges
from tagsmith.vocab import ABSENT, Vocabulary, zero_digits

UNKNOWN = 0
"""Id of the unknown word, and of the unknown character."""


@dataclass(frozen=True)
class Batch:
    """B sentences of N words in all, U of them distinct, with C characters."""

    words: Ids
    """The id of each word. Shape: [N]."""
    spelling: Ids
    """The distinct word that each word is. Shape: [N]."""
    chars: Ids
    """The characters of the distinct words, concatenated. Shape: [C]."""
    word_lengths: Ids
    """Characters in each distinct word, all at least 1. Shape: [U]."""
    lengths: Ids
    """Words in each sentence, all at least 1. Shape: [B]."""

    def spell_each(self) -> Batch:
        """Return the batch with separate characters for every word (U becomes N), so that no two share a dropout
        mask.
        """
        if np.array_equal(self.spelling, np.arange(len(self.words))):
            return self
        return self.take(np.arange(len(self.lengths)))

    def take(self, sentences: Ids) -> Batch:
        """Return the batch of some of its sentences, with separate characters for every word. Shape: [sentences]."""
        lengths = self.lengths[sentences]
        places = ranges(self._first_words[sentences], lengths)
        words = self.spelling[places]
        word_lengths = self.word_lengths[words]
        chars = self.chars[ranges(self._first_chars[words], word_lengths)]
        return Batch(self.words[places], np.arange(len(places)), chars, word_lengths, lengths)

    @cached_property
    def _first_words(self) -> Ids:
        return np.cumsum(self.lengths) - self.lengths

    @cached_property
    def _first_chars(self) -> Ids:
        return np.cumsum(self.word_lengths) - self.word_lengths


@dataclass(frozen=True)
class Alphabets:
    """The vocabularies of words and characters, and the two normalisations. The first ``trained`` words have trainable
    rows. Id 0 is the unknown word, and the unknown character."""

    words: Vocabulary
    chars: Vocabulary
    trained: int
    lowercase: bool
    zero_digits: bool

    def spelling_of(self, token: str) -> str:
        """Return the token for the character encoder."""
        return zero_digits(token) if self.zero_digits else token

    def word_of(self, token: str) -> str:
        """Return the token for the word table."""
        word = self.spelling_of(token)
        return word.lower() if self.lowercase else word

    def word_id(self, token: str) -> int:
        """Return the id of a token's word vector: its normalised form's, else its own, else the unknown word's.

        Training words are normalised ("mp0"). A vector file may have only the original form ("mp3").
        """
        found = self.words.find(word := self.word_of(token))
        if found == ABSENT and word != token:
            found = self.words.find(token)
        return UNKNOWN if found == ABSENT else found

    def batch(self, sentences: Sequence[Sequence[str]]) -> Batch:
        """Return the batch of some non-empty sentences."""
        index: dict[str, int] = {}
        spelling = np.array([index.setdefault(token, len(index)) for s in sentences for token in s], np.int64)
        # Strings are looked at once per distinct word, not once per token.
        word_ids = np.array([self.word_id(token) for token in index], np.int64)
        chars, word_lengths = self.characters([self.spelling_of(token) for token in index])
        lengths = np.array([len(sentence) for sentence in sentences], np.int64)
        return Batch(word_ids[spelling], spelling, chars, word_lengths, lengths)

    def characters(self, spellings: Sequence[str]) -> tuple[Ids, Ids]:
        """Return the characters of some words, concatenated, and the length of each word. Shape: [C], [U]."""
        codes = np.frombuffer("".join(spellings).encode("utf-32-le", "surrogatepass"), np.uint32)
        chars = self._id_of_code[np.minimum(codes, len(self._id_of_code) - 1)]
        return chars, np.array(list(map(len, spellings)), np.int64)

    @cached_property
    def _id_of_code(self) -> Ids:
        """Character ids by code point. The last entry is for unknown characters."""
        codes = {ord(character): i for i, character in enumerate(self.chars.strings) if len(character) == 1}
        table = np.full(max(codes, default=0) + 2, UNKNOWN)
        table[list(codes)] = list(codes.values())
        return table


def build_alphabets(
    sentences: Iterable[Sequence[str]],
    words: config.WordsConfig,
    extra: Iterable[str] = (),
    extra_chars: Iterable[str] = (),
) -> tuple[Alphabets, Counter[str]]:
    """Return the vocabularies of a training set, and the counts of its normalised words.

    Characters seen once share the unknown character's row, so that this row is trained too.

    Args:
        extra: words from elsewhere (a vector table), used in tagging but never trained.
        extra_chars: characters from elsewhere (an older model), which always get rows.
    """
    plain = Alphabets(Vocabulary([""]), Vocabulary([""]), 1, words.lowercase, words.zero_digits)
    counts: Counter[str] = Counter()
    chars: Counter[str] = Counter()
    for sentence in sentences:
        counts.update(plain.word_of(token) for token in sentence)
        chars.update(c for token in sentence for c in plain.spelling_of(token))
    # Id 0 is the empty string, which is no token: the unknown word and the unknown character.
    trained = ["", *sorted(counts)]
    alphabets = Alphabets(
        Vocabulary([*trained, *(word for word in extra if word and word not in counts)]),
        Vocabulary(["", *sorted({*(c for c, count in chars.items() if count > 1), *filter(None, extra_chars)})]),
        len(trained),
        words.lowercase,
        words.zero_digits,
    )
    return alphabets, counts


def cut(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Yield the indices of sentences in groups of at most ``budget`` words, similar lengths together.

    Words are counted as if padded to the group's longest sentence. A longer sentence forms its own group.
    """
    group: list[int] = []
    # Longest first, so that the first of a group is its longest.
    for place in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        if group and (len(group) + 1) * lengths[group[0]] > budget:
            yield group
            group = []
        group.append(place)
    if group:
        yield group


@dataclass(frozen=True)
class Steps:
    """The words of a batch in time order: all first words, then all second words, and so on.

    The longest sentence comes first, so the sentences that still run at step t are the first ``counts[t]`` of those at
    the step before. A recurrence works on whole slices and sees no padding.
    """

    order: Ids
    """The word at each position: forwards in row 0, backwards in row 1. Shape: [2, N]."""
    counts: list[int]
    """The number of sentences at each step, non-increasing. Shape: [T]."""

    @property
    def starts(self) -> Ids:
        """The first word of each sentence, the longest sentence first. Shape: [B]."""
        return self.order[0, : self.counts[0]]

    @property
    def lengths(self) -> Ids:
        """Words in each sentence, the longest first. Shape: [B]."""
        return self.order[1, : self.counts[0]] - self.starts + 1

    @property
    def previous(self) -> Ids:
        """For each position after the first step, the position of the same sentence one step before. Shape: [N - B]."""
        counts = np.array(self.counts)
        return np.arange(counts[0], counts.sum()) - np.repeat(counts[:-1], counts[1:])

    def slices(self) -> list[slice]:
        """Return the positions of each step."""
        ends = np.cumsum(self.counts).tolist()
        return [slice(end - count, end) for end, count in zip(ends, self.counts, strict=True)]


def time_steps(lengths: Ids) -> Steps:
    """Return the time order of a batch whose sentences have these lengths."""
    by_length = np.argsort(-lengths, kind="stable")
    starts = (np.cumsum(lengths) - lengths)[by_length]
    falling = lengths[by_length]
    time, sentence = np.nonzero(np.arange(falling[0])[:, None] < falling)
    forwards = starts[sentence] + time
    backwards = starts[sentence] + falling[sentence] - 1 - time
    return Steps(np.stack([forwards, backwards]), np.bincount(time).tolist())
