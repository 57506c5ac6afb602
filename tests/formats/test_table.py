from __future__ import annotations

import dataclasses
import math

from tagsmith import Alternative, Tagged
from tagsmith.formats.table import table


def prediction(tokens: str, tags: str, *sentences: tuple[int, int]) -> Tagged:
    words = tuple(tokens.split())
    return Tagged(tokens, words, tuple(tags.split()), (), (0,) * len(words), sentences)


def test_a_token_and_its_label_a_line_and_a_blank_line_after_a_sentence() -> None:
    found = table(prediction("Jay left . New York !", "B-PER O O B-LOC I-LOC O", (0, 3), (3, 6)))
    assert found == "Jay : PER\nleft : O\n. : O\n\nNew : LOC\nYork : LOC\n! : O\n\n"


def test_labels_are_shown_whole_in_either_scheme() -> None:
    assert table(prediction("a b c", "B-creative-work E-creative-work S-X", (0, 3))) == (
        "a : creative-work\nb : creative-work\nc : X\n\n"
    )


def test_a_tag_without_a_label_is_its_own() -> None:
    assert table(prediction("a b c d", "B I NN X-Y", (0, 4))) == "a : B\nb : I\nc : NN\nd : X-Y\n\n"


def test_no_tokens_make_an_empty_table() -> None:
    assert table(prediction("", "")) == ""


def test_probabilities_stand_after_the_labels_and_those_of_sentences_and_alternatives_below() -> None:
    ranked = (Alternative(("B-PER", "O"), (), math.log(0.75)), Alternative(("O", "O"), (), math.log(0.2)))
    found = dataclasses.replace(
        prediction("Jay left !", "B-PER O O", (0, 2), (2, 3)),
        token_probabilities=(0.8123, 0.99999, 1.0),
        sentence_probabilities=(0.75, 1.0),
        alternatives=(ranked, (Alternative(("O",), (), 0.0),)),
    )
    assert table(found) == (
        "Jay : PER 81.2%\nleft : O 100.0%\n75.0%\n75.0% : PER O\n20.0% : O O\n\n! : O 100.0%\n100.0%\n100.0% : O\n\n"
    )
