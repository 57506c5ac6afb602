from __future__ import annotations

import dataclasses
import itertools
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagsmith import Tagged, TaggedSpan
from tagsmith.formats.html_text import colour, page

VOID = {"meta"}


class Page(HTMLParser):
    """Reads a page: refuses tags that do not nest, and keeps the title, the paragraphs and the marks."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.title, self.paragraphs = "", []
        self.marks: list[tuple[str, str]] = []
        self.elements: set[str] = set()
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        if tag not in VOID:
            self._open.append(tag)
        if tag == "p":
            self.paragraphs.append("")
        if tag == "mark":
            self.marks.append(("", ""))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        match self._open[-2:]:
            case [*_, "title"]:
                self.title += data
            case ["mark", "span"]:
                text, label = self.marks[-1]
                self.marks[-1] = text, label + data
            case [*_, "mark"]:
                text, label = self.marks[-1]
                self.marks[-1] = text + data, label
                self.paragraphs[-1] += data
            case [*_, "p"]:
                self.paragraphs[-1] += data
            case [*_, "body" | "html" | "head"] | []:
                assert not data.strip()


def tagged(text: str, labels: dict[int, str] | None = None, tags: list[str] | None = None) -> Tagged:
    """An prediction whose tokens are the words of a text; labels by number of the word, each a span of its own."""
    offsets = tuple(match.span() for match in re.finditer(r"[^ \n]+", text))
    tokens = tuple(text[start:end] for start, end in offsets)
    spans = tuple(
        TaggedSpan(i, i + 1, label, tokens[i], *offsets[i])
        for i, label in sorted((labels or {}).items())
        if i < len(tokens)
    )
    found = {span.start: f"B-{span.label}" for span in spans}
    given = tags or [found.get(i, "O") for i in range(len(tokens))]
    return Tagged(
        text, tokens, tuple(given), spans, tuple(start for start, _ in offsets), ((0, len(tokens)),) if tokens else ()
    )


NASTY = st.text(st.sampled_from("ab<>&\"'/ \n{}%#é🦆\u0301\u2028"), max_size=20) | st.sampled_from(
    ["</p><script>alert(1)</script>", "<!--", "{{ 7 * 7 }}", "&lt;", "</mark>", "]]>"]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(NASTY, st.dictionaries(st.integers(0, 4), NASTY, max_size=3)), max_size=3), NASTY)
def test_the_page_holds_the_whole_text_and_its_spans_and_nothing_of_it_is_markup(
    given: list[tuple[str, dict[int, str]]], title: str
) -> None:
    predictions = [tagged(text, labels) for text, labels in given]
    found = Page("".join(page(predictions, title)))
    assert found.title == title
    assert found.paragraphs == [prediction.text for prediction in predictions]
    assert found.marks == [(span.text, span.label) for prediction in predictions for span in prediction.spans]
    assert found.elements <= {"html", "head", "meta", "title", "style", "body", "p", "mark", "span"}


def test_a_span_is_marked_in_the_colour_of_its_label() -> None:
    text = "".join(page([tagged("Jay left", {0: "PER"})]))
    assert f'<p><mark style="background: {colour("PER")}">Jay<span>PER</span></mark> left</p>' in text


def test_a_span_of_several_tokens_is_one_mark() -> None:
    prediction = Tagged(
        "in South  Wales.",
        ("in", "South", "Wales", "."),
        ("O", "B-LOC", "I-LOC", "O"),
        (TaggedSpan(1, 3, "LOC", "South  Wales", 3, 15),),
        (0, 3, 10, 15),
        ((0, 4),),
    )
    assert Page("".join(page([prediction]))).marks == [("South  Wales", "LOC")]


def test_tags_without_spans_label_every_token() -> None:
    found = Page("".join(page([tagged("a bird sings", tags=["DT", "NN", "VBZ"])])))
    assert found.marks == [("a", "DT"), ("bird", "NN"), ("sings", "VBZ")]
    assert found.paragraphs == ["a bird sings"]


def test_a_text_without_spans_has_no_marks() -> None:
    found = Page("".join(page([tagged("nobody here"), tagged("")])))
    assert found.marks == []
    assert found.paragraphs == ["nobody here", ""]


def test_paragraphs_come_as_the_predictions_do() -> None:
    pieces = page(tagged(f"text {i}") for i in itertools.count())
    head = "".join(itertools.islice(pieces, 40))
    assert "<p>text 0</p>" in head


def test_the_page_needs_nothing_but_itself() -> None:
    text = "".join(page([tagged("Jay left", {0: "PER"})]))
    assert text.startswith("<!doctype html>")
    assert '<meta charset="utf-8">' in text
    assert not re.search(r"https?:|src=|href=|@import|url\(", text)


@given(st.text(max_size=5))
def test_a_colour_is_light_enough_for_dark_text(label: str) -> None:
    assert re.fullmatch("#[0-9a-f]{6}", colour(label))
    red, green, blue = (int(colour(label)[i : i + 2], 16) for i in (1, 3, 5))
    assert 0.2126 * red + 0.7152 * green + 0.0722 * blue > 180
    assert colour(label) == colour(label)


def test_the_labels_of_conll_2003_have_four_colours() -> None:
    assert len({colour(label) for label in ("PER", "LOC", "ORG", "MISC")}) == 4


@pytest.mark.parametrize("template", ["{{ 7 * 7 }}", "{% for x in y %}", "{# no #}"])
def test_a_text_is_no_template(template: str) -> None:
    assert Page("".join(page([tagged(template)], template))).paragraphs == [template]


def test_a_span_is_paler_the_less_probable_it_is_and_says_so_on_hover() -> None:
    prediction = tagged("Jay left", {0: "PER"})
    span = prediction.spans[0]._replace(probability=0.512345678)
    sure = dataclasses.replace(
        prediction, spans=(span,), token_probabilities=(0.5, 1.0), sentence_probabilities=(0.25, 1e-9)
    )
    text = "".join(page([sure]))
    mark = f'<mark style="background: {colour("PER")}83" title="0.512346">Jay<span>PER</span></mark>'
    assert f'<p title="0.25, 1e-09">{mark} left</p>' in text
    assert Page(text).marks == [("Jay", "PER")]


def test_tags_without_spans_are_shaded_by_their_own_probabilities() -> None:
    prediction = dataclasses.replace(tagged("a bird", tags=["DT", "NN"]), token_probabilities=(0.0, 1.0))
    text = "".join(page([prediction]))
    assert f'{colour("DT")}00" title="0"' in text
    assert f'{colour("NN")}ff" title="1"' in text
