"""The data types that everything else uses: Sentence, Span, Tagged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal, NamedTuple

SchemeName = Literal["IOB1", "IOB2", "IOE1", "IOE2", "BIOES", "BILOU", "BMES"]
"""The ways to write spans as tags; ``tagsmith.schemes`` has their letters."""

TokenizerName = Literal["words", "characters"]
"""The ways to split running text into tokens; ``tagsmith.segment`` does it."""


class Span(NamedTuple):
    """A labelled stretch of tokens, half-open: tokens[start:end]."""

    start: int
    end: int
    label: str


@dataclass(frozen=True, slots=True)
class Sentence:
    """The tokens of one sentence, with their tags if known, and its place in a file."""

    tokens: tuple[str, ...]
    tags: tuple[str, ...] | None = None
    source: str = ""
    lines: tuple[int, ...] = ()
    """The line number of each token in its file; empty if it was not read from a file."""

    def __init__(
        self,
        tokens: Sequence[str],
        tags: Sequence[str] | None = None,
        source: str = "",
        lines: Sequence[int] = (),
    ) -> None:
        for name, values in (("tokens", tokens), ("tags", tags)):
            if isinstance(values, str):
                raise TypeError(f"{name} must be a sequence of strings, not one string ({values[:40]!r})")
        if tags is not None and len(tags) != len(tokens):
            raise ValueError(f"{len(tags)} tags for {len(tokens)} tokens")
        object.__setattr__(self, "tokens", tuple(tokens))
        object.__setattr__(self, "tags", None if tags is None else tuple(tags))
        object.__setattr__(self, "source", source)
        object.__setattr__(self, "lines", tuple(lines))

    def __len__(self) -> int:
        return len(self.tokens)

    def line_of(self, token: int = 0) -> int | None:
        """Return the line number of a token in the sentence's file, or None if it was not read from a file."""
        return self.lines[token] if self.lines else None


def spaced(tokens: Sequence[str]) -> tuple[str, list[int]]:
    """Return the tokens joined by single spaces, and each token's start in that text."""
    return " ".join(tokens), list(accumulate([len(token) + 1 for token in tokens[:-1]], initial=0))[: len(tokens)]


class TaggedSpan(NamedTuple):
    """A predicted span: tokens [start, end), label, text, and characters [start_char, end_char)."""

    start: int
    end: int
    label: str
    text: str
    start_char: int
    end_char: int
    probability: float | None = None
    """The probability of exactly this span; None unless probabilities were requested."""


class Alternative(NamedTuple):
    """One of the k best tag sequences of a sentence."""

    tags: tuple[str, ...]
    """The tags of the sentence's tokens."""
    spans: tuple[TaggedSpan, ...]
    """Their spans, placed in the whole input, without probabilities."""
    log_probability: float
    """The natural log of the sequence's probability."""


@dataclass(frozen=True, slots=True)
class Tagged:
    """A tagged input: a tag for every token, and the spans.

    ``text[start:end] == token`` holds for every token and its pair of ``offsets``. For an input that
    was given as tokens, ``text`` is the tokens joined by single spaces.
    """

    text: str
    tokens: tuple[str, ...]
    tags: tuple[str, ...]
    spans: tuple[TaggedSpan, ...]
    starts: tuple[int, ...]
    """The start of each token in ``text``."""
    sentences: tuple[tuple[int, int], ...]
    """Each sentence as a half-open range of tokens."""
    token_probabilities: tuple[float, ...] | None = None
    """The probability of each token's tag, in the model's scheme; None unless requested."""
    sentence_probabilities: tuple[float, ...] | None = None
    """The probability of each sentence's whole tag sequence; None unless requested."""
    alternatives: tuple[tuple[Alternative, ...], ...] | None = None
    """The k best tag sequences of each sentence, best first; None unless requested."""

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def offsets(self) -> tuple[tuple[int, int], ...]:
        """The characters [start, end) of each token."""
        return tuple((start, start + len(token)) for start, token in zip(self.starts, self.tokens, strict=True))
