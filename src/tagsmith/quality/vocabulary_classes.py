"""Vocabulary classes of entities: whether their words are in the training data, the vectors, both or neither."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache

from tagsmith.batching import UNKNOWN
from tagsmith.store import Model

VOCABULARY_CLASSES = {
    "IV": "every word in the training data and in the vectors",
    "OOTV": "a word not in the training data",
    "OOEV": "a word not in the vectors",
    "OOBV": "a word not in the training data, and a word not in the vectors",
}
_BY_KNOWN = {(True, True): "IV", (False, True): "OOTV", (True, False): "OOEV", (False, False): "OOBV"}

Classify = Callable[[Iterable[str]], str]
"""Given the words of an entity, returns its vocabulary class."""


def vocabulary_class(known: Iterable[tuple[bool, bool]]) -> str:
    """Return the vocabulary class of an entity.

    Source: Ma and Hovy 2016, Tables 8 and 9.

    Args:
        known: for each word, whether it is in the training data and whether it is in the vectors.
    """
    in_train, in_vectors = (all(each) for each in zip(*known, strict=True))
    return _BY_KNOWN[in_train, in_vectors]


def vocabulary_classifier(model: Model) -> Classify | None:
    """Return a function from the words of an entity to its vocabulary class.

    A word is classified by the row that its lookup finds, in any of its forms. The result is None if the model's file
    does not record which of its words have a vector.
    """
    if model.without_vector is None:
        return None
    without_vector = set(model.without_vector.tolist())

    @cache
    def known(word: str) -> tuple[bool, bool]:
        row = model.alphabets.word_id(word)
        return UNKNOWN < row < model.alphabets.trained, row != UNKNOWN and row not in without_vector

    return lambda words: vocabulary_class(map(known, words))
