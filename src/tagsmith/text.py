"""The words everything else is said in: Sentence, Span, Tagged."""

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
    """The tokens of one sentence, with their tags where they are known, and where it was read."""

    tokens: tuple[str, ...]
    tags: tuple[str, ...] | None = None
    source: str = ""
    lines: tuple[int, ...] = ()
    """The line of every token in its file, or nothing if it was not read from one."""

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
        """The line of a token in the sentence's file, if it was read from one."""
        return self.lines[token] if self.lines else None


def spaced(tokens: Sequence[str]) -> tuple[str, list[int]]:
    """The tokens joined by single spaces, and where each starts in that text."""
    return " ".join(tokens), list(accumulate([len(token) + 1 for token in tokens[:-1]], initial=0))[: len(tokens)]


class TaggedSpan(NamedTuple):
    """A span of an answer: its tokens [start, end), its label, its text and its characters [start_char, end_char)."""

    start: int
    end: int
    label: str
    text: str
    start_char: int
    end_char: int
    probability: float | None = None
    """Of all tag sequences that spell exactly this span; None where probabilities were not asked for."""


class Alternative(NamedTuple):
    """One of the best tag sequences of a sentence."""

    tags: tuple[str, ...]
    """The tags of the sentence's tokens."""
    spans: tuple[TaggedSpan, ...]
    """The spans they spell, placed as those of the whole answer are, without probabilities of their own."""
    log_probability: float
    """Of the whole sequence; natural logarithm."""


@dataclass(frozen=True, slots=True)
class Tagged:
    """The answer for one input: a tag for every token, and the spans the tags spell.

    ``text[start:end] == token`` holds for every token and its pair of ``offsets``. For an input that
    came as tokens, ``text`` is the tokens joined by single spaces.
    """

    text: str
    tokens: tuple[str, ...]
    tags: tuple[str, ...]
    spans: tuple[TaggedSpan, ...]
    starts: tuple[int, ...]
    """Where each token starts in ``text``."""
    sentences: tuple[tuple[int, int], ...]
    """Each sentence as a half-open range of tokens."""
    token_probabilities: tuple[float, ...] | None = None
    """Of each token's tag, in the scheme of the model; None where probabilities were not asked for."""
    sentence_probabilities: tuple[float, ...] | None = None
    """Of all the tags of each sentence together; None where probabilities were not asked for."""
    alternatives: tuple[tuple[Alternative, ...], ...] | None = None
    """For each sentence its best tag sequences, best first; None where they were not asked for."""

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def offsets(self) -> tuple[tuple[int, int], ...]:
        """The characters [start, end) of each token."""
        return tuple((start, start + len(token)) for start, token in zip(self.starts, self.tokens, strict=True))
