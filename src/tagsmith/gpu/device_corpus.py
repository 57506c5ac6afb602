"""Sentences that lie on a device, and batches put together there from nothing but the numbers of their sentences.

A batch for S networks has arrays of fixed shapes, so that one recorded graph serves many batches; what is left over
belongs to no sentence. Characters stand in a row with ``margin`` gaps before, between and after the words, so that a
convolution over the row sees no two words at once.
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
    """The room of a batch, for each network."""

    words: int
    chars: int
    """The row of characters, its gaps included."""


class DeviceBatch(NamedTuple):
    """A batch of B sentences for each of S networks, N words and P places for characters in all."""

    starts: Tensor
    """First word of each sentence. Shape: [S, B], int32."""
    lengths: Tensor
    """Words in each; 0 is no sentence. Shape: [S, B], int32."""
    sentence: Tensor
    """The sentence of each word, B for none. Shape: [S, N]."""
    places: Tensor
    """Where in the corpus each word is. Shape: [S, N]."""
    words: Tensor
    """Id of each word; 0 for none. Shape: [S, N]."""
    chars: Tensor
    """Id of each character; in a gap the number of characters there are. Shape: [S, P]."""
    word_of: Tensor
    """The word of each character, N in a gap. Shape: [S, P]."""


@dataclass(frozen=True)
class DeviceCorpus:
    """Sentences on a device; the last one is no sentence, and has no words."""

    first_word: Tensor
    lengths: Tensor
    words: Tensor
    first_char: Tensor
    """Of each word."""
    word_lengths: Tensor
    chars: Tensor
    alphabet: int
    """How many characters there are: the id that stands for a gap."""
    margin: int
    row: Ids
    """Places for characters that each sentence takes, on the host. Shape: [M + 1]."""
    size: Ids
    """Words in each sentence, on the host. Shape: [M + 1]."""

    @property
    def none(self) -> int:
        """The number of the sentence that is none."""
        return len(self.size) - 1

    def room(self, sentences: Ids, step: int = 64) -> BatchShape:
        """The room that batches need, in steps: all of them fit. Shape: sentences [..., B], by number."""
        words = int(self.size[sentences].sum(-1).max())
        chars = int(self.row[sentences].sum(-1).max()) + self.margin
        each = 8 * step  # a word of English and its gap take 6 places
        steps = max(-(-words // step), -(-chars // each), 1)
        return BatchShape(steps * step, steps * each)

    def batch(self, sentences: Tensor, shape: BatchShape) -> DeviceBatch:
        """The batch of some sentences, by number. It reads and writes nothing on the host. Shape: [S, B]."""
        device = sentences.device
        lengths = self.lengths[sentences]
        ends = lengths.cumsum(1)
        starts = ends - lengths
        word = torch.arange(shape.words, device=device).expand(len(sentences), -1).contiguous()
        sentence = torch.searchsorted(ends, word, right=True)
        within = sentence < sentences.shape[1]
        of = sentence.clamp(max=sentences.shape[1] - 1)
        places = self.first_word[sentences].gather(1, of) + word - starts.gather(1, of)
        places = torch.where(within, places, 0)
        spelled = torch.where(within, self.word_lengths[places], 0)
        # A word's characters and the gap before it end where its own end; behind the last word all is gap.
        char_ends = (spelled + self.margin * within).cumsum(1)
        place = torch.arange(shape.chars, device=device).expand(len(sentences), -1).contiguous()
        word_of = torch.searchsorted(char_ends, place, right=True).clamp(max=shape.words - 1)
        back = char_ends.gather(1, word_of) - place  # 1 at a word's last character
        there = (back >= 1) & (back <= spelled.gather(1, word_of))
        char = self.first_char[places].gather(1, word_of) + spelled.gather(1, word_of) - back
        return DeviceBatch(
            starts.int(),
            lengths.int(),
            sentence,
            places,
            torch.where(within, self.words[places], 0),
            torch.where(there, self.chars[torch.where(there, char, 0)], self.alphabet),
            torch.where(there, word_of, shape.words),
        )


def lay_out(
    batch: Batch, chars: CharCNNConfig | CharLSTMConfig | NoCharsConfig, alphabet: int, device: torch.device | str
) -> DeviceCorpus:
    """A batch of M sentences, put on a device for good, with the gaps that a convolution over ``chars`` needs.

    Args:
        alphabet: how many characters there are.
    """
    margin = chars.window // 2 if isinstance(chars, CharCNNConfig) else 0
    lengths = np.append(batch.lengths, 0)
    each = batch.word_lengths[batch.spelling]
    room = np.append(np.add.reduceat(each, np.cumsum(batch.lengths) - batch.lengths), 0)
    first_chars = np.cumsum(batch.word_lengths) - batch.word_lengths

    def put(ids: Ids) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(ids)).to(device)

    return DeviceCorpus(
        put(np.cumsum(lengths) - lengths),
        put(lengths),
        put(batch.words),
        put(first_chars[batch.spelling]),
        put(each),
        put(batch.chars),
        alphabet,
        margin,
        room + margin * lengths,
        lengths,
    )
