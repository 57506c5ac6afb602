"""What is right in each sentence: all that a bootstrap over sentences needs of predictions, small enough to commit."""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from tagsmith.metrics import score

Counts = NDArray[np.int64]
"""Gold, predicted and correct spans of each sentence; where tags are plain, tokens. Shape: [3, sentences]."""


def count(pairs: Iterable[tuple[Sequence[str], Sequence[str]]], *, spans: bool) -> Counts:
    """The counts of sentences given as (gold tags, predicted tags), by conlleval's rule."""
    each = [score([pair], spans=spans).overall for pair in pairs]
    rows = [(sentence.gold, sentence.predicted, sentence.correct) for sentence in each]
    return np.array(rows, np.int64).reshape(-1, 3).T


def pack(counts: Counts) -> str:
    """Counts as text: base64 of zlib of little-endian 32-bit numbers, row by row."""
    return base64.b64encode(zlib.compress(counts.astype("<u4").tobytes(), 9)).decode()


def unpack(text: str) -> Counts:
    """The counts that were packed.

    Raises:
        ValueError: the text is damaged.
    """
    try:
        content = zlib.decompress(base64.b64decode(text, validate=True))
    except (binascii.Error, zlib.error) as error:
        raise ValueError(f"damaged counts ({error})") from None
    return np.frombuffer(content, "<u4").astype(np.int64).reshape(3, -1)


def f1(counts: NDArray[np.generic]) -> NDArray[np.float64]:
    """F1 of sums of counts [..., 3], 0 to 100; of tokens, which are all predicted, the accuracy. Shape: [...]."""
    gold, predicted, correct = np.moveaxis(counts.astype(np.float64), -1, 0)
    return 200.0 * correct / np.maximum(gold + predicted, 1.0)
