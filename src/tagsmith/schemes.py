"""Convert between tags and spans, and derive which tag may follow which.

Reading needs no scheme. L reads as E, U as S and M as I. A span starts at B or S, after O, E or S, or at a change of
label. It ends after E and S, and before O, B, S or another label. This reads every scheme below correctly, and any
other
sequence by the same rule. On B, I, E, O tags it is conlleval's rule.

Writing and the allowed transitions follow from a scheme's four letters: first, middle, last, only. IOB1 and IOE1 write
I
throughout, with a fifth letter at the border between two spans of the same label: B after it, E before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tagsmith.errors import DataError
from tagsmith.text import Sentence, Span

OUTSIDE = "O"
PLAIN = "plain"
"""The scheme of tags that form no spans."""
_LETTERS = ("B", "I", "E", "S", "L", "U", "M")
EXPECTED_TAG = "O, or one of B I E S L U M and a label, such as B-PER"

Allowed = NDArray[np.bool_]
Part = tuple[str, str]
"""Letter and label of a tag."""


@lru_cache(maxsize=65_536)
def split_tag(tag: str) -> tuple[str, str]:
    """Letter and label of a span tag: ``B-PER`` gives (B, PER), ``I-creative-work`` (I, creative-work), ``B`` (B, '').

    Raises:
        ValueError: the tag is neither O nor a letter with a label.
    """
    if tag == OUTSIDE:
        return OUTSIDE, ""
    letter, hyphen, label = tag.partition("-")
    if letter not in _LETTERS or (hyphen and not label):
        raise ValueError(f"{tag!r} is not a span tag; expected {EXPECTED_TAG}")
    return letter, label


def is_span_tag(tag: str) -> bool:
    """Return whether a tag can be read as part of a span, or as outside all spans."""
    try:
        split_tag(tag)
    except ValueError:
        return False
    return True


def continues(before: Part, tag: Part) -> bool:
    """Return whether a tag continues the span of the tag before it. All reading of spans rests on this."""
    return before[0] in "BIM" and tag[0] in "IMEL" and before[1] == tag[1]


def read_spans(tags: Sequence[str]) -> list[Span]:
    """Return the spans of a tag sequence in any scheme.

    Example:
        >>> read_spans(["I-PER", "O", "S-LOC", "S-LOC"])
        [Span(start=0, end=1, label='PER'), Span(start=2, end=3, label='LOC'), Span(start=3, end=4, label='LOC')]

    Raises:
        ValueError: a tag that is neither O nor a letter with a label.
    """
    spans = []
    outside = OUTSIDE, ""
    start, before = 0, outside
    for i, tag in enumerate(tags):
        if tag == OUTSIDE and before is outside:
            continue
        part = outside if tag == OUTSIDE else split_tag(tag)
        if not continues(before, part):
            if before is not outside:
                spans.append(Span(start, i, before[1]))
            start = i
        before = part
    if before is not outside:
        spans.append(Span(start, len(tags), before[1]))
    return spans


def sentence_spans(sentence: Sentence) -> list[Span]:
    """Return the spans of a tagged sentence.

    Raises:
        DataError: a plain tag; the error names the file and the line.
    """
    tags = sentence.tags or ()
    try:
        return read_spans(tags)
    except ValueError:
        i, tag = next((i, tag) for i, tag in enumerate(tags) if not is_span_tag(tag))
        raise DataError(
            f"tag {tag!r} at token {sentence.tokens[i]!r}",
            f"{EXPECTED_TAG} (for tags without spans, such as parts of speech: scheme=plain)",
            source=sentence.source,
            line=sentence.line_of(i),
        ) from None


def tag_labels(tags: Iterable[str], scheme: str) -> tuple[str, ...]:
    """Return the sorted labels of some tags: the span labels, or plain tags themselves."""
    if scheme == PLAIN:
        return tuple(sorted(set(tags)))
    return tuple(sorted({split_tag(tag)[1] for tag in tags} - {""}))


def gold_tags(sentence: Sentence, scheme: str) -> list[str]:
    """Return a sentence's tags with its spans written in a scheme. Plain tags are unchanged.

    Raises:
        DataError: a plain tag; the error names the file and the line.
    """
    if scheme == PLAIN:
        return list(sentence.tags or ())
    return SCHEMES[scheme].write(sentence_spans(sentence), len(sentence))


@dataclass(frozen=True)
class Scheme:
    """A tagging scheme: the letters for the first, a middle, the last and the only token of a span."""

    name: str
    first: str
    middle: str
    last: str
    only: str
    before: str = ""
    """A fifth letter, for the last token before a border between two touching spans of the same label."""
    after: str = ""
    """A fifth letter, for the first token after such a border."""

    def tags(self, labels: Iterable[str]) -> list[str]:
        """Return all tags of the scheme for these labels, O first."""
        letters = dict.fromkeys((self.first, self.middle, self.last, self.only, *self.before, *self.after))
        return [OUTSIDE, *(_join(letter, label) for label in labels for letter in letters)]

    def write(self, spans: Iterable[Span], length: int) -> list[str]:
        """Return the tags of ``length`` tokens with these spans.

        Raises:
            ValueError: spans that are empty, overlapping, unordered or outside the sentence.
        """
        spans = list(spans)
        tags = [OUTSIDE] * length
        free = 0
        for start, end, label in spans:
            if not free <= start < end <= length:
                raise ValueError(f"span [{start}, {end}) among {length} tokens, of which {free} are taken")
            if end - start == 1:
                tags[start] = _join(self.only, label)
            else:
                tags[start] = _join(self.first, label)
                tags[start + 1 : end - 1] = [_join(self.middle, label)] * (end - start - 2)
                tags[end - 1] = _join(self.last, label)
            free = end
        for (_, end, label), (start, _, other) in pairwise(spans):
            if end == start and label == other:
                if self.before:
                    tags[end - 1] = _join(self.before, label)
                if self.after:
                    tags[start] = _join(self.after, label)
        return tags

    def allowed(self, tags: Sequence[str]) -> tuple[Allowed, Allowed, Allowed]:
        """Return which tags may start a sentence [K], follow each other [K, K] (from, to), and end a sentence [K].

        A path of allowed steps is exactly one that round-trips through reading and writing.
        """
        parts = [split_tag(tag) for tag in tags]

        def among(*letters: str) -> Allowed:
            return np.array([letter in letters for letter, _ in parts], bool)

        # A tag closes what is open (or nothing is) when its letter can be a last or an only token; it opens a span
        # when it can be a first or an only one. O does both. The letters of a border do one of them; the step over
        # the border itself stays with one label, as a step inside a span does.
        closes = among(OUTSIDE, self.last, self.only, self.after)
        opens = among(OUTSIDE, self.first, self.only, self.before)
        stays_inside = among(self.first, self.middle, self.before, self.after)
        was_inside = among(self.middle, self.last, self.before, self.after)
        same = np.array([[a == b for _, b in parts] for _, a in parts], bool)
        return opens, (closes[:, None] & opens) | (stays_inside[:, None] & was_inside & same), closes


SCHEMES: dict[str, Scheme] = {
    scheme.name: scheme
    for scheme in (
        Scheme("IOB1", *"IIII", after="B"),
        Scheme("IOB2", *"BIIB"),
        Scheme("IOE1", *"IIII", before="E"),
        Scheme("IOE2", *"IIEE"),
        Scheme("BIOES", *"BIES"),
        Scheme("BILOU", *"BILU"),
        Scheme("BMES", *"BMES"),
    )
}


def allowed_steps(scheme: str, tags: Sequence[str]) -> tuple[Allowed, Allowed, Allowed]:
    """Return ``Scheme.allowed`` by the scheme's name. Plain tags allow every step."""
    if scheme in SCHEMES:
        return SCHEMES[scheme].allowed(tags)
    count = len(tags)
    return np.ones(count, bool), np.ones((count, count), bool), np.ones(count, bool)


def reading_rule(scheme: str, tags: Sequence[str]) -> tuple[NDArray[np.int64], Allowed]:
    """Return the rule of ``read_spans`` as arrays: each tag's label, -1 outside spans [K], and whether a tag
    ``continues``
    the span of another [K, K] (from, to). Plain tags form no spans."""
    if scheme not in SCHEMES:
        return np.full(len(tags), -1), np.zeros((len(tags), len(tags)), bool)
    parts = [split_tag(tag) for tag in tags]
    places = {label: place for place, label in enumerate(dict.fromkeys(label for _, label in parts))}
    labels = np.array([-1 if letter == OUTSIDE else places[label] for letter, label in parts])
    return labels, np.array([[continues(a, b) for b in parts] for a in parts])


def is_legal(scheme: Scheme, tags: Sequence[str]) -> bool:
    """Return whether the scheme writes exactly this tag sequence for its spans."""
    return scheme.write(read_spans(tags), len(tags)) == list(tags)


def _join(letter: str, label: str) -> str:
    return f"{letter}-{label}" if label else letter
