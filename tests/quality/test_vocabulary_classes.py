from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tagsmith.quality.vocabulary_classes import vocabulary_classifier
from tagsmith.store import Model
from tests.support.handmade import SMALL, empty_model


def model() -> Model:
    """Trained on ann, bob, mp0 and 00; the vector file had ann, mp3, 00 and zebra."""
    words = ["ann", "bob", "mp0", "00", "mp3", "zebra"]
    made = empty_model("BIOES", ["O", "S-X"], words, 2, 2, SMALL)
    alphabets = dataclasses.replace(made.alphabets, trained=5)
    return dataclasses.replace(made, alphabets=alphabets, without_vector=np.array([2, 3]))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["ann"], "IV"),
        (["Ann"], "IV"),  # found lower-cased
        (["42"], "IV"),
        (["bob"], "OOEV"),
        (["zebra"], "OOTV"),
        (["yak"], "OOBV"),
        (["mp7"], "OOEV"),  # mp0 in the training data
        (["mp3"], "OOEV"),  # its own row of the vectors is not looked up either: mp0 comes first
        (["ann", "zebra"], "OOTV"),
        (["ann", "bob"], "OOEV"),
        (["zebra", "bob"], "OOBV"),  # one word not in the training data, another not in the vectors
        (["ann", "yak"], "OOBV"),
    ],
)
def test_an_entity_is_classified_by_the_rows_of_its_words(words: list[str], expected: str):
    classify = vocabulary_classifier(model())
    assert classify is not None
    assert classify(words) == expected


def test_a_model_that_does_not_record_which_words_have_vectors_has_no_classes():
    assert vocabulary_classifier(dataclasses.replace(model(), without_vector=None)) is None
