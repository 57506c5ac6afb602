"""Tags and spans: reading one from the other, and which tag may follow which.

Reading needs no scheme: a span starts at B or S, after O, or at a change of label, and ends before O, B, S or
another label and after E and S. On B, I, O tags that is conlleval's rule, so IOB1, IOB2 and BIOES are all read.
Writing, and the transitions a scheme allows, follow from its four letters: first, middle, last, only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from tagsmith.errors import DataError
from tagsmith.text import Sentence, Span

OUTSIDE = "O"
_LETTERS = "BIES"
EXPECTED_TAG = "O, or one of B I E S and a label, such as B-PER"

Allowed = NDArray[np.bool_]


@lru_cache(maxsize=65_536)
def split_tag(tag: str) -> tuple[str, str]:
    """Letter and label of a span tag: ``B-PER`` gives (B, PER), ``I-creative-work`` (I, creative-work), ``B`` (B, '').

    Raises:
        ValueError: the tag is neither O nor a letter with a label.
    """
    if tag == OUTSIDE:
        return OUTSIDE, ""
    letter, hyphen, label = tag.partition("-")
    if letter not in tuple(_LETTERS) or (hyphen and not label):
        raise ValueError(f"{tag!r} is not a span tag; expected {EXPECTED_TAG}")
    return letter, label


def is_span_tag(tag: str) -> bool:
    """Whether a tag can be read as part of a span, or as outside all spans."""
    try:
        split_tag(tag)
    except ValueError:
        return False
    return True


def read_spans(tags: Sequence[str]) -> list[Span]:
    """The spans a tag sequence spells, whatever its scheme.

    Example:
        >>> read_spans(["I-PER", "O", "S-LOC", "S-LOC"])
        [Span(start=0, end=1, label='PER'), Span(start=2, end=3, label='LOC'), Span(start=3, end=4, label='LOC')]

    Raises:
        ValueError: a tag is neither O nor a letter with a label.
    """
    spans = []
    start, open_label, previous = 0, "", OUTSIDE
    for i, tag in enumerate(tags):
        letter, label = split_tag(tag)
        continues = letter in "IE" and previous in "BI" and label == open_label
        if previous != OUTSIDE and not continues:
            spans.append(Span(start, i, open_label))
        if letter != OUTSIDE and not continues:
            start, open_label = i, label
        previous = letter
    if previous != OUTSIDE:
        spans.append(Span(start, len(tags), open_label))
    return spans


def sentence_spans(sentence: Sentence) -> list[Span]:
    """The spans of a tagged sentence.

    Raises:
        DataError: a tag is not a span tag; the error names the file and the line.
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


@dataclass(frozen=True)
class Scheme:
    """A way to write spans as tags: a letter for the first, a middle, the last and the only token of a span."""

    name: str
    first: str
    middle: str
    last: str
    only: str

    def tags(self, labels: Iterable[str]) -> list[str]:
        """All tags of the scheme for these labels, O first."""
        letters = dict.fromkeys((self.first, self.middle, self.last, self.only))
        return [OUTSIDE, *(_join(letter, label) for label in labels for letter in letters)]

    def write(self, spans: Iterable[Span], length: int) -> list[str]:
        """The tags of ``length`` tokens that spell these spans.

        Raises:
            ValueError: spans that are empty, overlap, are out of order or leave the sentence.
        """
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
        return tags

    def allowed(self, tags: Sequence[str]) -> tuple[Allowed, Allowed, Allowed]:
        """Which tags may start a sentence [K], follow one another [K, K] (from, to), and end a sentence [K].

        A path made of allowed steps is exactly one that reading and writing give back unchanged.
        """
        parts = [split_tag(tag) for tag in tags]
        # A tag closes what is open (or nothing is) when its letter can be a last or an only token; it opens a
        # span when it can be a first or an only one. O does both. Otherwise it stands inside a span.
        closes = np.array([letter in (OUTSIDE, self.last, self.only) for letter, _ in parts], bool)
        opens = np.array([letter in (OUTSIDE, self.first, self.only) for letter, _ in parts], bool)
        goes_on = np.array([letter in (self.first, self.middle) for letter, _ in parts], bool)
        came_in = np.array([letter in (self.middle, self.last) for letter, _ in parts], bool)
        same = np.array([[a == b for _, b in parts] for _, a in parts], bool)
        return opens, (closes[:, None] & opens) | (goes_on[:, None] & came_in & same), closes


SCHEMES = {scheme.name: scheme for scheme in (Scheme("IOB2", *"BIIB"), Scheme("BIOES", *"BIES"))}


def allowed_steps(scheme: str, tags: Sequence[str]) -> tuple[Allowed, Allowed, Allowed]:
    """``Scheme.allowed`` by the scheme's name; for ``plain`` tags every step is allowed."""
    if scheme in SCHEMES:
        return SCHEMES[scheme].allowed(tags)
    count = len(tags)
    return np.ones(count, bool), np.ones((count, count), bool), np.ones(count, bool)


def is_legal(scheme: Scheme, tags: Sequence[str]) -> bool:
    """Whether a tag sequence is exactly what the scheme writes for the spans it spells."""
    return scheme.write(read_spans(tags), len(tags)) == list(tags)


def _join(letter: str, label: str) -> str:
    return f"{letter}-{label}" if label else letter
