"""The models in the package: each has a card and a size to ship, and answers."""

from __future__ import annotations

import pytest

from tagsmith import Tagger, bundled, store


@pytest.mark.parametrize("name", bundled.names())
def test_a_model_is_small_and_says_what_it_is(name: str):
    assert bundled.find(name).stat().st_size <= 8_000_000
    model = store.load(name)
    assert model.card.startswith("# ")
    for heading in ("## Licence", "## Data", "## Scores", "## Limits"):
        assert heading in model.card
    assert "CC BY-SA 4.0" in model.card
    assert model.calibration is not None


def test_names_known_and_unknown():
    tagger = Tagger.load("en-ner", compiled=False)
    answer = tagger.tag("Jay is from India. Zorbanna Kvistlund works for the Red Cross.")
    assert [(span.text, span.label) for span in answer.spans] == [
        ("Jay", "PER"),
        ("India", "LOC"),
        ("Zorbanna Kvistlund", "PER"),
        ("Red Cross", "ORG"),
    ]


def test_parts_of_speech_of_words_known_and_unknown():
    answer = Tagger.load("en-pos", compiled=False).tag("Jay googled the frobnicator.")
    assert answer.tags == ("PROPN", "VERB", "DET", "NOUN", "PUNCT")
