"""The scores of one tagged file against another of the same sentences."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import zip_longest

from tagsmith import formats
from tagsmith.errors import DataError
from tagsmith.formats.columns import Columns, OnBad
from tagsmith.metrics import Scores, score
from tagsmith.quality.mistakes import ErrorAnalysis, PredictedSentence, analyse
from tagsmith.schemes import is_span_tag, sentence_spans
from tagsmith.text import Sentence, TokenizerName


@dataclass(frozen=True)
class FileComparison:
    """The sentences of a gold and a predicted file, and their scores."""

    scores: Scores
    pairs: list[tuple[Sentence, Sentence]]
    """Each gold sentence with the predicted one."""

    def analyse(self) -> ErrorAnalysis:
        """Return what became of each gold and each predicted span."""
        return analyse([PredictedSentence(gold, predicted.tags or ()) for gold, predicted in self.pairs], self.scores)


def compare_files(
    gold: str | os.PathLike[str],
    predicted: str | os.PathLike[str],
    *,
    columns: Columns | None = None,
    predicted_columns: Columns | None = None,
    on_bad: OnBad | None = None,
    tokenizer: TokenizerName = "words",
) -> FileComparison:
    """Score the tags of one file against those of another, tag by tag as they are.

    Files most of whose tags are not span tags are scored by accuracy.

    Args:
        columns: the columns of word and tag in the gold file.
        predicted_columns: the same in the predicted file. If None, those that its format has by default.
        on_bad: called with the error of each malformed line, which is then skipped. If None, the error is raised.
        tokenizer: how to split the texts of JSON lines.

    Raises:
        DataError: a file that can't be read, other tokens in one file than in the other, or, among span tags, a tag
            that is not one.
    """
    sides = ((gold, columns), (predicted, predicted_columns))
    readers = (formats.read(path, columns=chosen, on_bad=on_bad, tokenizer=tokenizer) for path, chosen in sides)
    pairs = list(align(*readers))
    sentences = [sentence for pair in pairs for sentence in pair]
    tags = [tag for sentence in sentences for tag in sentence.tags or ()]
    strange = sum(not is_span_tag(tag) for tag in tags)
    spans = 2 * strange <= len(tags)  # the majority decides: among span tags, any other is a mistake to report
    for sentence in sentences if spans and strange else ():
        sentence_spans(sentence)
    return FileComparison(score(((a.tags or (), b.tags or ()) for a, b in pairs), spans=spans), pairs)


def align(gold: Iterable[Sentence], predicted: Iterable[Sentence]) -> Iterator[tuple[Sentence, Sentence]]:
    """Yield the sentences in pairs.

    Raises:
        DataError: other tokens on one side than on the other, or more sentences. The error names both places.
    """
    for a, b in zip_longest(gold, predicted):
        if a is None or b is None:
            alone = b if a is None else a
            assert alone is not None
            missing = f"a sentence with no counterpart in the {'predicted' if b is None else 'gold'} file"
            raise DataError(missing, "as many sentences in both files", source=alone.source, line=alone.line_of())
        for i, pair in enumerate(zip_longest(a.tokens, b.tokens)):
            if pair[0] != pair[1]:
                raise _mismatch(a, b, i)
        yield a, b


def _mismatch(gold: Sentence, predicted: Sentence, i: int) -> DataError:
    """Return the error for two sentences that differ at token ``i``."""
    expected = f"{gold.tokens[i]!r}" if i < len(gold) else "the end of the sentence"
    expected += f", as in {gold.source}:{gold.line_of(min(i, len(gold) - 1))}"
    found = f"token {predicted.tokens[i]!r}" if i < len(predicted) else "the end of the sentence"
    line = predicted.line_of(min(i, len(predicted) - 1))
    return DataError(found, expected, source=predicted.source, line=line)
