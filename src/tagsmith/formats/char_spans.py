"""Texts with character spans, turned into sentences with tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise
from typing import Annotated, Any

import msgspec

from tagsmith.errors import DataError
from tagsmith.schemes import SCHEMES
from tagsmith.segment import segment
from tagsmith.text import Sentence, Span, TokenizerName

EXPECTED = 'a JSON object with "tokens" (a list of strings) or "text" (a string)'


class _CharSpan(msgspec.Struct, frozen=True):
    """A labelled part of a text: its characters [start, end)."""

    start: int
    end: int
    label: Annotated[str, msgspec.Meta(min_length=1)]
    text: str | None = None
    """The characters, if the file repeats them."""


def split_text(
    value: Mapping[str, Any], source: str, line: int, *, tagged: bool, tokenizer: TokenizerName
) -> list[Sentence]:
    """Return the sentences of an object's ``text``, tagged with its ``spans`` (or ``entities``) in IOB2.

    No sentence ends inside a span.

    Raises:
        DataError: no text or no spans; a span outside the text, overlapping another, with another text than it says,
            or with a border inside a token.
    """
    if not isinstance(text := value["text"], str):
        raise DataError(f"an object with {keys_of(value)}", EXPECTED, source=source, line=line)
    sentences = segment(text, tokenizer)
    offsets = [token for sentence in sentences for token in sentence]
    spans = _token_spans(text, _char_spans(value, source, line), offsets, source, line) if tagged else []
    inside = {token for span in spans for token in range(span.start + 1, span.end)}
    borders = [0, *(end for end in accumulate(map(len, sentences)) if end not in inside)]
    tokens = [text[start:end] for start, end in offsets]
    tags = SCHEMES["IOB2"].write(spans, len(tokens))
    return [
        Sentence(tokens[start:end], tags[start:end] if tagged else None, source, [line] * (end - start))
        for start, end in pairwise(borders)
    ]


def keys_of(value: Mapping[str, Any]) -> str:
    """Return the keys of an object in words."""
    return f"keys {', '.join(map(repr, value))}" if value else "no keys"


def _char_spans(value: Mapping[str, Any], source: str, line: int) -> list[_CharSpan]:
    names = [name for name in ("spans", "entities") if name in value]
    if len(names) != 1:
        expected = '"spans" (or "entities") beside "text"'
        raise DataError(f"an object with {keys_of(value)}", expected, source=source, line=line)
    try:
        return msgspec.convert(value[names[0]], list[_CharSpan])
    except msgspec.ValidationError as error:
        expected = 'a list of objects with "start", "end" (characters) and "label"'
        raise DataError(f'"{names[0]}" with a fault ({error})', expected, source=source, line=line) from None


def _token_spans(
    text: str, spans: Sequence[_CharSpan], offsets: Sequence[tuple[int, int]], source: str, line: int
) -> list[Span]:
    """Return the spans in tokens, in order."""
    starts = {start: token for token, (start, _) in enumerate(offsets)}
    ends = {end: token + 1 for token, (_, end) in enumerate(offsets)}
    in_tokens: list[Span] = []
    free = 0
    for span in sorted(spans, key=lambda span: (span.start, span.end)):
        characters = text[max(span.start, 0) : max(span.end, 0)]
        expected = None
        if not 0 <= span.start < span.end <= len(text):
            expected = f"0 <= start < end <= {len(text)}, the characters of the text"
        elif span.text not in (None, characters):
            expected = f"{span.text!r} there, as the span says; offsets count characters (Unicode code points)"
        elif span.start < free:
            expected = f"spans that do not overlap; another ends at {free}"
        elif span.start not in starts:
            expected = f"the borders of tokens; it starts {_inside(text, span.start, offsets)}"
        elif span.end not in ends:
            expected = f"the borders of tokens; it ends {_inside(text, span.end, offsets)}"
        if expected is not None:
            shown = f"span [{span.start}, {span.end}) {span.label} {characters[:40]!r}"
            raise DataError(shown, f"{expected}; --skip-bad skips such lines", source=source, line=line)
        in_tokens.append(Span(starts[span.start], ends[span.end], span.label))
        free = span.end
    return in_tokens


def _inside(text: str, offset: int, offsets: Sequence[tuple[int, int]]) -> str:
    around = [text[start:end] for start, end in offsets if start < offset < end]
    return f"inside the token {around[0][:40]!r}" if around else "with white space"
