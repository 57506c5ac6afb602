"""A table for people to read, one token and its label a line: ``Jay : PER``, or ``Jay : PER 97.3%``."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TextIO

from tagsmith.formats.columns import Columns
from tagsmith.formats.format import Prediction
from tagsmith.schemes import OUTSIDE, is_span_tag, split_tag
from tagsmith.text import Tagged


def write_predictions(predictions: Iterable[Prediction], file: TextIO, columns: Columns | None = None) -> None:
    """Write the table of each prediction."""
    for _, tagged in predictions:
        file.write(table(tagged))


def table(tagged: Tagged) -> str:
    """Return the lines of a prediction, with a blank line after each sentence. A plain tag is shown as it is.

    If the prediction has probabilities, each line ends with that of its tag, and a line with the probability of the
    sentence follows. If it has alternatives, each follows on a separate line, with its probability and its labels.
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
        for alternative in tagged.alternatives[number] if tagged.alternatives is not None else ():
            labels = " ".join(map(_label, alternative.tags))
            lines.append(f"{math.exp(alternative.log_probability):.1%} : {labels}\n")
        lines.append("\n")
    return "".join(lines)


def _label(tag: str) -> str:
    if tag == OUTSIDE or not is_span_tag(tag):
        return tag
    return split_tag(tag)[1] or tag
