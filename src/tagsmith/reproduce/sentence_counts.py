"""Gold, predicted and correct spans per sentence: all that a bootstrap over sentences needs, small enough to commit."""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from tagsmith.metrics import score

Counts = NDArray[np.int64]
"""Gold, predicted and correct spans of each sentence, or tokens for plain tags. Shape: [3, sentences]."""


def count(pairs: Iterable[tuple[Sequence[str], Sequence[str]]], *, spans: bool) -> Counts:
    """Count each sentence by conlleval's rule. Sentences are given as (gold tags, predicted tags)."""
    overall = [score([pair], spans=spans).overall for pair in pairs]
    rows = [(sentence.gold, sentence.predicted, sentence.correct) for sentence in overall]
    return np.array(rows, np.int64).reshape(-1, 3).T


def pack(counts: Counts) -> str:
    """Return counts as text: base64 of zlib of little-endian 32-bit numbers, row by row."""
    return base64.b64encode(zlib.compress(counts.astype("<u4").tobytes(), 9)).decode()


def unpack(text: str) -> Counts:
    """Return the counts that ``pack`` wrote.

    Raises:
        ValueError: the text is damaged.
    """
    try:
        content = zlib.decompress(base64.b64decode(text, validate=True))
    except (binascii.Error, zlib.error) as error:
        raise ValueError(f"damaged counts ({error})") from None
    return np.frombuffer(content, "<u4").astype(np.int64).reshape(3, -1)


def f1(counts: NDArray[np.generic]) -> NDArray[np.float64]:
    """Return F1 from 0 to 100 for summed counts; for tokens, all of which are predicted, this is the accuracy.

    Shape: [..., 3] -> [...].
    """
    gold, predicted, correct = np.moveaxis(counts.astype(np.float64), -1, 0)
    return 200.0 * correct / np.maximum(gold + predicted, 1.0)
