"""One token and its label a line, for reading: ``Jay : PER``, or ``Jay : PER 97.3%``."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tagsmith.schemes import OUTSIDE, is_span_tag, split_tag
from tagsmith.text import Tagged


def table(tagged: Tagged) -> str:
    """The lines of an answer, a blank line after each sentence. A plain tag is its own label.

    Where the answer has probabilities, each line ends in its tag's, and the sentence's stands after its last line.
    Alternatives follow, where it has any, each with its probability and its labels.
    """
    lines = []
    percents: Sequence[str] = [""] * len(tagged)
    if tagged.token_probabilities is not None:
        percents = [f" {p:.1%}" for p in tagged.token_probabilities]
    for number, (start, end) in enumerate(tagged.sentences):
        rows = zip(tagged.tokens[start:end], tagged.tags[start:end], percents[start:end], strict=True)
        lines += [f"{token} : {_label(tag)}{percent}\n" for token, tag, percent in rows]
        if tagged.sentence_probabilities is not None:
            lines.append(f"{tagged.sentence_probabilities[number]:.1%}\n")
        for one in tagged.alternatives[number] if tagged.alternatives is not None else ():
            lines.append(f"{math.exp(one.log_probability):.1%} : {' '.join(map(_label, one.tags))}\n")
        lines.append("\n")
    return "".join(lines)


def _label(tag: str) -> str:
    if tag == OUTSIDE or not is_span_tag(tag):
        return tag
    return split_tag(tag)[1] or tag
