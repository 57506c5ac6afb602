"""Sentences on a device, and batches that are put together there from sentence numbers alone.

A batch for S networks has arrays of fixed shapes, so that one recorded graph serves many batches. Padding belongs to no
sentence. The characters are in one row, with ``margin`` gaps before, between and after the words, so that no window of
a convolution over the row holds two words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from tagsmith.batching import Batch
from tagsmith.config import CharCNNConfig, CharLSTMConfig, NoCharsConfig
from tagsmith.tensors import Ids


class BatchShape(NamedTuple):
    """The size of a batch for each network, padding included."""

    words: int
    chars: int
    """The row of characters, its gaps included."""


class DeviceBatch(NamedTuple):
    """A batch of B sentences for each of S networks, with N words and P places for characters."""

    starts: Tensor
    """First word of each sentence. Shape: [S, B], int32."""
    lengths: Tensor
    """Words in each; 0 is no sentence. Shape: [S, B], int32."""
    sentence: Tensor
    """The sentence of each word, B for padding. Shape: [S, N]."""
    places: Tensor
    """The place of each word in the corpus. Shape: [S, N]."""
    words: Tensor
    """Id of each word; 0 for padding. Shape: [S, N]."""
    chars: Tensor
    """Id of each character; in a gap the size of the alphabet. Shape: [S, P]."""
    word_of: Tensor
    """The word of each character, N in a gap. Shape: [S, P]."""


@dataclass(frozen=True)
class DeviceCorpus:
    """M sentences on a device, and after them an empty one, for padding."""

    first_word: Tensor
    lengths: Tensor
    words: Tensor
    first_char: Tensor
    """Of each word."""
    word_lengths: Tensor
    chars: Tensor
    alphabet: int
    """The number of distinct characters, and the id of a gap."""
    margin: int
    char_places: Ids
    """Places in the row of characters that each sentence takes, on the host. Shape: [M + 1]."""
    size: Ids
    """Words in each sentence, on the host. Shape: [M + 1]."""

    @property
    def padding(self) -> int:
        """The number of the empty sentence."""
        return len(self.size) - 1

    def batch_shape(self, sentences: Ids, step: int = 64) -> BatchShape:
        """Return a shape that holds every batch of these sentences, in multiples of ``step``. Shape: [..., B]."""
        words = int(self.size[sentences].sum(-1).max())
        chars = int(self.char_places[sentences].sum(-1).max()) + self.margin
        each = 8 * step  # a word of English and its gap take 6 places
        steps = max(-(-words // step), -(-chars // each), 1)
        return BatchShape(steps * step, steps * each)

    def batch(self, sentences: Tensor, shape: BatchShape) -> DeviceBatch:
        """Return the batch of these sentences, without reading or writing anything on the host. Shape: [S, B]."""
        device = sentences.device
        lengths = self.lengths[sentences]
        ends = lengths.cumsum(1)
        starts = ends - lengths
        word = torch.arange(shape.words, device=device).expand(len(sentences), -1).contiguous()
        sentence = torch.searchsorted(ends, word, right=True)
        is_word = sentence < sentences.shape[1]
        of = sentence.clamp(max=sentences.shape[1] - 1)
        places = self.first_word[sentences].gather(1, of) + word - starts.gather(1, of)
        places = torch.where(is_word, places, 0)
        spelled = torch.where(is_word, self.word_lengths[places], 0)
        # A word's characters, and the gap before them, end where the word ends. After the last word all is gap.
        char_ends = (spelled + self.margin * is_word).cumsum(1)
        place = torch.arange(shape.chars, device=device).expand(len(sentences), -1).contiguous()
        word_of = torch.searchsorted(char_ends, place, right=True).clamp(max=shape.words - 1)
        back = char_ends.gather(1, word_of) - place  # 1 at a word's last character
        is_char = (back >= 1) & (back <= spelled.gather(1, word_of))
        char = self.first_char[places].gather(1, word_of) + spelled.gather(1, word_of) - back
        return DeviceBatch(
            starts.int(),
            lengths.int(),
            sentence,
            places,
            torch.where(is_word, self.words[places], 0),
            torch.where(is_char, self.chars[torch.where(is_char, char, 0)], self.alphabet),
            torch.where(is_char, word_of, shape.words),
        )


def to_device(
    batch: Batch, chars: CharCNNConfig | CharLSTMConfig | NoCharsConfig, alphabet: int, device: torch.device | str
) -> DeviceCorpus:
    """Copy a batch of M sentences to a device, with the gaps that a convolution over ``chars`` needs.

    Args:
        alphabet: the number of distinct characters.
    """
    margin = chars.window // 2 if isinstance(chars, CharCNNConfig) else 0
    lengths = np.append(batch.lengths, 0)
    word_lengths = batch.word_lengths[batch.spelling]
    chars_of = np.append(np.add.reduceat(word_lengths, np.cumsum(batch.lengths) - batch.lengths), 0)
    first_chars = np.cumsum(batch.word_lengths) - batch.word_lengths

    def copied(ids: Ids) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(ids)).to(device)

    return DeviceCorpus(
        first_word=copied(np.cumsum(lengths) - lengths),
        lengths=copied(lengths),
        words=copied(batch.words),
        first_char=copied(first_chars[batch.spelling]),
        word_lengths=copied(word_lengths),
        chars=copied(batch.chars),
        alphabet=alphabet,
        margin=margin,
        char_places=chars_of + margin * lengths,
        size=lengths,
    )
