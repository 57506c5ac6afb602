from __future__ import annotations

from tagsmith import Tagged
from tagsmith.formats.table import table


def answer(tokens: str, tags: str, *sentences: tuple[int, int]) -> Tagged:
    words = tuple(tokens.split())
    return Tagged(tokens, words, tuple(tags.split()), (), (0,) * len(words), sentences)


def test_a_token_and_its_label_a_line_and_a_blank_line_after_a_sentence() -> None:
    found = table(answer("Jay left . New York !", "B-PER O O B-LOC I-LOC O", (0, 3), (3, 6)))
    assert found == "Jay : PER\nleft : O\n. : O\n\nNew : LOC\nYork : LOC\n! : O\n\n"


def test_labels_are_shown_whole_in_either_scheme() -> None:
    assert table(answer("a b c", "B-creative-work E-creative-work S-X", (0, 3))) == (
        "a : creative-work\nb : creative-work\nc : X\n\n"
    )


def test_a_tag_without_a_label_is_its_own() -> None:
    assert table(answer("a b c d", "B I NN X-Y", (0, 4))) == "a : B\nb : I\nc : NN\nd : X-Y\n\n"


def test_no_tokens_make_an_empty_table() -> None:
    assert table(answer("", "")) == ""
