"""One token and its label a line, for reading: ``Jay : PER``."""

from __future__ import annotations

from tagsmith.schemes import OUTSIDE, is_span_tag, split_tag
from tagsmith.text import Tagged


def table(tagged: Tagged) -> str:
    """The lines of an answer, a blank line after each sentence. A plain tag is its own label."""
    lines = []
    for start, end in tagged.sentences:
        rows = zip(tagged.tokens[start:end], tagged.tags[start:end], strict=True)
        lines += [f"{token} : {_label(tag)}\n" for token, tag in rows]
        lines.append("\n")
    return "".join(lines)


def _label(tag: str) -> str:
    if tag == OUTSIDE or not is_span_tag(tag):
        return tag
    return split_tag(tag)[1] or tag
