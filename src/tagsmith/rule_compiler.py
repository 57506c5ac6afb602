"""Compile rules into scores that are added to a chain, and find contradictions."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from tagsmith.engine.decoding import ChainScores, Decoder
from tagsmith.errors import DataError
from tagsmith.ops.chain import reference
from tagsmith.ops.chain.edits import Edits, edited
from tagsmith.ops.chain.reference import path_scores
from tagsmith.ops.chain.types import Allowed, Chain
from tagsmith.rules import RuleMatch, Rules, check_rules
from tagsmith.schemes import SCHEMES, reading_rule, split_tag
from tagsmith.tensors import Bools, Floats, Ids


class RuleCompiler:
    """Compiles rules for a model's tags. Threads can share it."""

    def __init__(self, tags: Sequence[str], scheme: str) -> None:
        scores = _RuleScores(tags, scheme)
        self._labels, self._tags = scores.labels, scores.tags
        self._scores = lru_cache(4_096)(scores.of)  # a gazetteer has the same effect on many words

    def check_shared(self, rules: Rules) -> None:
        """Check that rules hold for any input, and that the model has their labels and tags.

        Raises:
            DataError: a rule for one input, or an unknown label or tag.
            TypeError: not a Rules object.
        """
        check_rules(rules)
        rules.check_unplaced()
        self.check(rules)

    def check(self, rules: Rules) -> None:
        """Check that the model has all labels and tags of some rules.

        Raises:
            DataError: an unknown label or tag; the error names the first such rule, and what the model has.
        """
        for (field, value), name in rules.mentioned.items():
            known = self._labels if field == "label" else self._tags
            if value not in known:
                raise DataError(f"{field} {value!r}", f"one of the model's: {', '.join(known)}", source=name)

    def apply(
        self,
        matches: Sequence[Sequence[RuleMatch]],
        sentences: Sequence[Sequence[str]],
        chain: ChainScores,
        decoder: Decoder,
    ) -> Chain:
        """Return the chain of a batch with the effects of the matches in each sentence.

        Raises:
            DataError: contradicting rules; the error names a smallest contradicting set.
        """
        lengths = np.array([len(sentence) for sentence in sentences])
        result = edited(Chain(*chain), self.edits(matches, lengths))
        best = path_scores(result, decoder.allowed, decoder.viterbi(result, lengths), lengths)
        for i in np.flatnonzero(best == -np.inf).tolist():
            raise _contradiction(
                self._minimal_contradiction(matches[i], len(sentences[i]), decoder.allowed), sentences[i]
            )
        return result

    def _minimal_contradiction(self, matches: Sequence[RuleMatch], length: int, allowed: Allowed) -> list[RuleMatch]:
        """Return a minimal set of matches that leave a sentence no path."""
        matches, found = sorted(matches, key=lambda match: match[:2]), list[RuleMatch]()

        def leave_a_path(count: int) -> bool:
            chain = edited(_zeros(length, len(allowed.start)), self.edits([[*found, *matches[:count]]], [length]))
            path = reference.viterbi(chain, allowed, np.array([length]))
            return bool(path_scores(chain, allowed, path, np.array([length])) > -np.inf)

        while leave_a_path(0):
            # The last match of the shortest prefix that leaves no path is needed.
            count = bisect_left(range(len(matches) + 1), True, key=lambda count: not leave_a_path(count))
            found.append(matches[count - 1])
            matches = matches[: count - 1]
        return found[::-1]

    def edits(self, matches: Sequence[Sequence[RuleMatch]], lengths: Sequence[int] | Ids) -> Edits:
        """Return the scores that the matches in each sentence add to the chain of a batch."""
        edits = Edits([], [])
        after = 0
        for found, length in zip(matches, map(int, lengths), strict=True):
            first, after = after, after + length
            for start, end, rule, _ in found:
                at = first + start
                scores = self._scores(end - start, rule.label, rule.tag, rule.not_, rule.labels, rule.bonus)
                edits.emissions.extend(
                    (at + a, at + b, row) for a, b, row in scores.emissions if first <= at + a < after
                )
                edits.transitions.extend((at + i, steps) for i, steps in scores.transitions if first < at + i < after)
        return edits


class _RuleScores:
    """The scores that rules add, with words counted from the first word of the rule: -1 is the word before.

    A hard rule leaves exactly the legal tag sequences that satisfy it. A bonus for a span is split equally over its
    tokens; a token earns its part with a tag that the scheme writes there for that span.
    """

    def __init__(self, tags: Sequence[str], scheme: str) -> None:
        self.scheme = SCHEMES.get(scheme)
        parts = [split_tag(tag) if self.scheme else ("", tag) for tag in tags]
        self.letters, labels = (np.array(column) for column in zip(*parts, strict=True))
        self.outside = labels == ""
        self.labels: dict[str, Bools] = {label: labels == label for label in sorted({*labels.tolist()} - {""})}
        self.tags: dict[str, Bools] = {**self.labels, **{tag: np.array(tags) == tag for tag in tags}}
        _, self.continues = reading_rule(scheme, tags)

    def of(
        self,
        length: int,
        label: str | None,
        tag: str | None,
        not_: str | None,
        labels: tuple[str, ...] | None,
        bonus: float | None,
    ) -> Edits:
        """Return the scores that a rule adds over ``length`` words."""
        if label is not None:
            return self._span(label, length, bonus)
        if tag is not None:
            wanted = self.tags[tag]
        elif not_ is not None:
            wanted = ~self.tags[not_]
        else:
            wanted = np.logical_or.reduce([self.outside, *(self.labels[label] for label in labels or ())])
        return Edits([(0, length, _bonus_or_mask(wanted, bonus))], [])

    def _span(self, label: str, length: int, bonus: float | None) -> Edits:
        written = self._written(label, length)
        if bonus is not None:
            return Edits([(i, j, _bonus_or_mask(tags, bonus / length)) for i, j, tags in written], [])
        # No tag before the span may continue into it, and none after it may continue it. If all possible border tags
        # join
        # with the same outside tags, those tags are forbidden; otherwise (IOB1, IOE1) the steps are.
        edits = Edits([(i, j, _bonus_or_mask(tags)) for i, j, tags in written], [])
        first, last = written[0][2], written[-1][2]
        into, on = self.continues & first, self.continues & last[:, None]
        before: Bools = np.logical_or.reduce(into, 1)
        after: Bools = np.logical_or.reduce(on, 0)
        if not np.array_equal(into, before[:, None] & first):
            edits.transitions.append((0, _bonus_or_mask(~into)))
        elif before.any():
            edits.emissions.append((-1, 0, _bonus_or_mask(~before)))
        if not np.array_equal(on, last[:, None] & after):
            edits.transitions.append((length, _bonus_or_mask(~on)))
        elif after.any():
            edits.emissions.append((length, length + 1, _bonus_or_mask(~after)))
        return edits

    def _written(self, label: str, length: int) -> list[tuple[int, int, Bools]]:
        """Return the tags that the scheme writes for a span: ranges of its tokens, with the possible tags of each."""
        own, scheme = self.labels[label], self.scheme
        if scheme is None:
            return [(0, length, own)]

        def among(*letters: str) -> Bools:
            return own & np.isin(self.letters, letters)

        if length == 1:
            return [(0, 1, among(scheme.only, scheme.before, scheme.after))]
        inner = [(1, length - 1, among(scheme.middle))] if length > 2 else []
        first, last = among(scheme.first, scheme.after), among(scheme.last, scheme.before)
        return [(0, 1, first), *inner, (length - 1, length, last)]


def _bonus_or_mask(wanted: Bools, bonus: float | None = None) -> Floats:
    """Return a bonus where ``wanted``, or without a bonus -inf elsewhere. Shape: as ``wanted``."""
    return np.where(wanted, 0.0, -np.inf) if bonus is None else np.where(wanted, bonus, 0.0)


def _zeros(words: int, tags: int) -> Chain:
    """Return a chain whose paths all score 0."""
    return Chain(np.zeros((words, tags)), np.zeros((tags, tags)), np.zeros(tags), np.zeros(tags))


def _contradiction(matches: Sequence[RuleMatch], tokens: Sequence[str]) -> DataError:
    def shown(start: int, end: int) -> str:
        words = " ".join(tokens[start:end])
        return repr(words if len(words) <= 80 else f"{words[:80]} ...")

    told = [f"{name}: {rule} at [{start}, {end}) {shown(start, end)}" for start, end, rule, name in matches]
    found = f"rules that leave no legal tags for {shown(0, len(tokens))}: {'; '.join(told)}"
    return DataError(found, "rules that can hold together")
