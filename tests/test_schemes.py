from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagsmith import DataError, Sentence, Span
from tagsmith.schemes import (
    SCHEMES,
    Scheme,
    allowed_steps,
    is_legal,
    is_span_tag,
    read_spans,
    sentence_spans,
    split_tag,
)
from tagsmith.text import SchemeName

IOB2, BIOES = SCHEMES["IOB2"], SCHEMES["BIOES"]
every = pytest.mark.parametrize("scheme", SCHEMES.values(), ids=SCHEMES)

LABELS = ("PER", "creative-work", "B")

# Each scheme once more, as published: the tags of one span of a label. {0} is the label; a space follows each tag.
GRAMMARS = {
    "IOB1": "(?:I-{0} |(?<=[IB]-{0} )B-{0} )(?:I-{0} )*",
    "IOB2": "B-{0} (?:I-{0} )*",
    "IOE1": "(?:I-{0} )*(?:I-{0} |E-{0} (?=[IE]-{0} ))",
    "IOE2": "(?:I-{0} )*E-{0} ",
    "BIOES": "(?:S-{0} |B-{0} (?:I-{0} )*E-{0} )",
    "BILOU": "(?:U-{0} |B-{0} (?:I-{0} )*L-{0} )",
    "BMES": "(?:S-{0} |B-{0} (?:M-{0} )*E-{0} )",
}
OF_LABELS = ("A", "b-c")


def grammar(scheme: Scheme) -> re.Pattern[str]:
    """What a whole sentence of the scheme looks like."""
    return re.compile("(?:O |" + "|".join(GRAMMARS[scheme.name].format(label) for label in OF_LABELS) + ")*")


def spans_by_grammar(scheme: Scheme, text: str) -> list[tuple[int, int, str]]:
    """The spans of a legal sentence, by the scheme's grammar alone."""
    found = [
        (text[: match.start()].count(" "), text[: match.end()].count(" "), label)
        for label in OF_LABELS
        for match in re.finditer(GRAMMARS[scheme.name].format(label), text)
    ]
    return sorted(found)


def sequences(pool: tuple[str, ...], longest: int) -> Iterator[list[str]]:
    """All tag sequences up to a length."""
    for length in range(1, longest + 1):
        yield from map(list, itertools.product(pool, repeat=length))


@st.composite
def spans_and_length(draw: st.DrawFn) -> tuple[list[Span], int]:
    spans, at = [], 0
    for _ in range(draw(st.integers(0, 5))):
        start = at + draw(st.integers(0, 2))
        at = start + draw(st.integers(1, 4))
        spans.append(Span(start, at, draw(st.sampled_from(LABELS))))
    return spans, at + draw(st.integers(0, 2))


class TestSplitTag:
    @pytest.mark.parametrize(
        ("tag", "parts"),
        [
            ("O", ("O", "")),
            ("B-PER", ("B", "PER")),
            ("I-creative-work", ("I", "creative-work")),
            ("E--", ("E", "-")),
            ("S-Ω", ("S", "Ω")),
            ("B", ("B", "")),
            ("L-PER", ("L", "PER")),
            ("U-PER", ("U", "PER")),
            ("M-B", ("M", "B")),
        ],
    )
    def test_a_tag_is_a_letter_and_a_label(self, tag: str, parts: tuple[str, str]) -> None:
        assert split_tag(tag) == parts
        assert is_span_tag(tag)

    @pytest.mark.parametrize(
        "tag", ["", "-", "B-", "-PER", "PER", "b-PER", "O-PER", "BI-PER", "IE", "NN", "D-PER", "o"]
    )
    def test_anything_else_is_no_span_tag(self, tag: str) -> None:
        with pytest.raises(ValueError, match=re.escape(repr(tag))):
            split_tag(tag)
        assert not is_span_tag(tag)


class TestReadSpans:
    @pytest.mark.parametrize(
        ("tags", "spans"),
        [
            ("", []),
            ("O O", []),
            ("I-A I-A O", [(0, 2, "A")]),
            ("I-A B-A I-A", [(0, 1, "A"), (1, 3, "A")]),
            ("I-A I-B", [(0, 1, "A"), (1, 2, "B")]),
            ("B-A I-B", [(0, 1, "A"), (1, 2, "B")]),
            ("B-A B-A", [(0, 1, "A"), (1, 2, "A")]),
            ("S-A S-A", [(0, 1, "A"), (1, 2, "A")]),
            ("S-A I-A", [(0, 1, "A"), (1, 2, "A")]),
            ("S-A E-A", [(0, 1, "A"), (1, 2, "A")]),
            ("I-A S-A", [(0, 1, "A"), (1, 2, "A")]),
            ("B-A I-A E-A I-A", [(0, 3, "A"), (3, 4, "A")]),
            ("B-A E-A B-A E-A", [(0, 2, "A"), (2, 4, "A")]),
            ("E-A E-A", [(0, 1, "A"), (1, 2, "A")]),
            ("I-A E-A O E-A", [(0, 2, "A"), (3, 4, "A")]),
            ("B-A O I-A", [(0, 1, "A"), (2, 3, "A")]),
            ("B I O I B", [(0, 2, ""), (3, 4, ""), (4, 5, "")]),
            ("B-a-b I-a-c", [(0, 1, "a-b"), (1, 2, "a-c")]),
            ("I-A E-A I-A", [(0, 2, "A"), (2, 3, "A")]),
            ("I-A I-A E-A E-A", [(0, 3, "A"), (3, 4, "A")]),
            ("I-A I-B E-B", [(0, 1, "A"), (1, 3, "B")]),
            ("B-A I-A L-A U-A U-A", [(0, 3, "A"), (3, 4, "A"), (4, 5, "A")]),
            ("L-A I-A", [(0, 1, "A"), (1, 2, "A")]),
            ("I-A U-A I-A", [(0, 1, "A"), (1, 2, "A"), (2, 3, "A")]),
            ("B-A M-A M-A E-A S-A", [(0, 4, "A"), (4, 5, "A")]),
            ("M-A M-A O M-B", [(0, 2, "A"), (3, 4, "B")]),
            ("B-A M-A I-A L-A", [(0, 4, "A")]),
        ],
    )
    def test_where_spans_start_and_end(self, tags: str, spans: list[tuple[int, int, str]]) -> None:
        assert read_spans(tags.split()) == spans

    def test_a_tag_that_is_none_is_refused(self) -> None:
        with pytest.raises(ValueError, match="'NN'"):
            read_spans(["O", "NN"])


class TestWrite:
    def test_the_letters_of_each_scheme(self) -> None:
        spans = [Span(1, 2, "A"), Span(2, 5, "b-c"), Span(5, 7, "A")]
        assert IOB2.write(spans, 8) == ["O", "B-A", "B-b-c", "I-b-c", "I-b-c", "B-A", "I-A", "O"]
        assert BIOES.write(spans, 8) == ["O", "S-A", "B-b-c", "I-b-c", "E-b-c", "B-A", "E-A", "O"]

    @pytest.mark.parametrize(
        ("scheme", "letters"),
        [
            ("IOB1", "O I I I O I I B B I I O"),
            ("IOB2", "O B I I O B I B B B I O"),
            ("IOE1", "O I I I O I E E I I I O"),
            ("IOE2", "O I I E O I E E E I E O"),
            ("BIOES", "O B I E O B E S S B E O"),
            ("BILOU", "O B I L O B L U U B L O"),
            ("BMES", "O B M E O B E S S B E O"),
        ],
    )
    def test_the_letters_of_spans_that_touch_and_that_do_not(self, scheme: str, letters: str) -> None:
        spans = [Span(1, 4, "A"), Span(5, 7, "A"), Span(7, 8, "A"), Span(8, 9, "A"), Span(9, 11, "B")]
        labels = [*".AAA.AAAABB."]
        expected = [
            letter if letter == "O" else f"{letter}-{label}"
            for letter, label in zip(letters.split(), labels, strict=True)
        ]
        assert SCHEMES[scheme].write(spans, 12) == expected

    @every
    @given(spans_and_length())
    def test_spans_are_read_back_as_they_were_written(self, scheme: Scheme, given: tuple[list[Span], int]) -> None:
        spans, length = given
        tags = scheme.write(spans, length)
        assert read_spans(tags) == spans
        assert len(tags) == length
        assert set(tags) <= set(scheme.tags(LABELS))
        assert is_legal(scheme, tags)

    @every
    @pytest.mark.parametrize(
        "spans",
        [
            [Span(0, 0, "A")],
            [Span(2, 1, "A")],
            [Span(-1, 1, "A")],
            [Span(2, 4, "A")],
            [Span(0, 2, "A"), Span(1, 3, "A")],
            [Span(1, 2, "A"), Span(0, 1, "A")],
            [Span(0, 1, "A"), Span(0, 1, "A")],
        ],
        ids=["empty", "backwards", "before the start", "past the end", "overlapping", "out of order", "twice"],
    )
    def test_spans_that_tags_can_not_spell_are_refused(self, scheme: Scheme, spans: list[Span]) -> None:
        with pytest.raises(ValueError, match="among 3 tokens"):
            scheme.write(spans, 3)


class TestAllowed:
    POOL = ("O", *(f"{letter}-{label}" for label in OF_LABELS for letter in "BIESLUM"))
    UNLABELLED = ("O", *"BIESLUM", "I-A")

    @staticmethod
    def admits(steps: tuple, path: list[int]) -> bool:
        starts, follows, ends = steps
        return bool(starts[path[0]] and ends[path[-1]] and all(follows[a, b] for a, b in itertools.pairwise(path)))

    @every
    @pytest.mark.parametrize("pool", [POOL, UNLABELLED], ids=["labelled", "unlabelled"])
    def test_a_path_is_admitted_exactly_when_reading_and_writing_give_it_back(
        self, scheme: Scheme, pool: tuple[str, ...]
    ) -> None:
        steps = scheme.allowed(pool)
        places = {tag: i for i, tag in enumerate(pool)}
        for tags in sequences(pool, 3):
            written = scheme.write(read_spans(tags), len(tags)) == tags
            assert self.admits(steps, [places[tag] for tag in tags]) == written == is_legal(scheme, tags), tags

    @every
    def test_a_path_is_admitted_exactly_when_the_grammar_of_the_scheme_does(self, scheme: Scheme) -> None:
        own = tuple(scheme.tags(OF_LABELS))
        for pool, longest in ((own, 4 if len(own) > 5 else 6), (self.POOL, 3)):
            steps, legal = scheme.allowed(pool), grammar(scheme)
            places = {tag: i for i, tag in enumerate(pool)}
            for tags in sequences(pool, longest):
                by_grammar = bool(legal.fullmatch("".join(tag + " " for tag in tags)))
                assert self.admits(steps, [places[tag] for tag in tags]) == by_grammar, tags

    @every
    def test_the_one_rule_of_reading_reads_each_scheme_as_its_grammar_does(self, scheme: Scheme) -> None:
        own = tuple(scheme.tags(OF_LABELS))
        legal = grammar(scheme)
        texts = ("".join(tag + " " for tag in tags) for tags in sequences(own, 4 if len(own) > 5 else 6))
        count = 0
        for text in filter(legal.fullmatch, texts):
            count += 1
            assert read_spans(text.split()) == spans_by_grammar(scheme, text), text
        assert count > 100

    @every
    def test_the_tags_of_a_scheme_are_those_a_legal_path_can_hold(self, scheme: Scheme) -> None:
        starts, follows, ends = scheme.allowed(self.POOL)
        reachable = {tag for i, tag in enumerate(self.POOL) if starts[i] or follows[:, i].any()}
        leaving = {tag for i, tag in enumerate(self.POOL) if ends[i] or follows[i].any()}
        assert set(scheme.tags(OF_LABELS)) == reachable & leaving

    def test_of_plain_tags_every_step_is_allowed(self) -> None:
        starts, follows, ends = allowed_steps("plain", ["NN", "VB", "."])
        assert (starts.shape, follows.shape, ends.shape) == ((3,), (3, 3), (3,))
        assert starts.all()
        assert follows.all()
        assert ends.all()

    @every
    def test_a_scheme_is_found_by_its_name(self, scheme: Scheme) -> None:
        for mine, its in zip(allowed_steps(scheme.name, self.POOL), scheme.allowed(self.POOL), strict=True):
            assert (mine == its).all()


def test_the_tags_of_a_scheme_start_with_o() -> None:
    assert IOB2.tags(["A", "b-c"]) == ["O", "B-A", "I-A", "B-b-c", "I-b-c"]
    assert BIOES.tags(["A"]) == ["O", "B-A", "I-A", "E-A", "S-A"]
    assert BIOES.tags([]) == ["O"]
    assert SCHEMES["IOB1"].tags(["A"]) == ["O", "I-A", "B-A"]
    assert SCHEMES["IOE1"].tags(["A"]) == ["O", "I-A", "E-A"]


def test_the_names_of_the_schemes_are_those_that_can_be_chosen() -> None:
    assert tuple(SCHEMES) == get_args(SchemeName)
    assert all(scheme.name == name for name, scheme in SCHEMES.items())


class TestSentenceSpans:
    def test_the_spans_of_a_sentence(self) -> None:
        assert sentence_spans(Sentence(["a", "b"], ["O", "S-X"])) == [(1, 2, "X")]
        assert sentence_spans(Sentence(["a", "b"])) == []

    def test_a_bad_tag_is_named_with_its_token_file_and_line(self) -> None:
        sentence = Sentence(["Jay", "left"], ["B-PER", "VBD"], "tagged.conll", [12, 14])
        with pytest.raises(DataError, match=r"^tagged\.conll:14: found tag 'VBD' at token 'left'; .*scheme=plain"):
            sentence_spans(sentence)

    def test_a_bad_tag_of_a_sentence_from_nowhere_has_no_line(self) -> None:
        with pytest.raises(DataError, match=r"^found tag 'VBD'") as caught:
            sentence_spans(Sentence(["left"], ["VBD"]))
        assert caught.value.line is None
