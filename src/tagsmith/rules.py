"""Rules for tagging: a user's knowledge about some tokens, from a file, as objects, or with one input.

A rule has a place (``tokens``, ``pattern``, or a position in one input; by default every token) and a claim (``label``,
``tag``, ``not`` or ``labels``). It is hard, or with a ``bonus`` a preference. docs/rules.md shows examples.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, NamedTuple

import msgspec

from tagsmith.errors import DataError
from tagsmith.files import read_lines, source_name
from tagsmith.text import Sentence

_WHERE = '"tokens", "pattern", "token", "start" and "end", or "start_char" and "end_char"'
MOST = 10_000
"""The largest bonus. No model outweighs it, and probabilities keep their precision."""
_WHAT = '"label", "tag", "not" or "labels"'


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A rule: a place and a claim. One line of a rules file, with the same names (``not`` for ``not_``).

    Raises:
        DataError: not exactly one place and one claim, or a field that does not fit the others.
    """

    tokens: tuple[str, ...] | None = None
    """At these consecutive tokens."""
    pattern: tuple[str, ...] | None = None
    """At consecutive tokens that these regular expressions match, each a whole token."""
    ignore_case: bool = False
    """Ignore case in ``tokens`` or ``pattern``."""
    token: int | None = None
    """At this token of an input, from 0."""
    start: int | None = None
    """At the tokens [start, end) of an input."""
    end: int | None = None
    start_char: int | None = None
    """At the tokens of the characters [start_char, end_char) of an input."""
    end_char: int | None = None

    label: str | None = None
    """The tokens are exactly one span with this label. Plain tags: each token has this tag."""
    tag: str | None = None
    """Each token has this tag, or any tag of this label."""
    not_: str | None = msgspec.field(default=None, name="not")
    """No token has this tag, or any tag of this label."""
    labels: tuple[str, ...] | None = None
    """No token has a label other than these. Plain tags: no other tag."""

    bonus: float | None = None
    """Unset, the rule is hard. Set, it is a preference: a score in natural logs, split equally over the tokens of a
    span
    of ``label``, or added at each token of ``tag``."""

    def __post_init__(self) -> None:
        for name in ("tokens", "pattern", "labels"):
            _check_strings(name, values := getattr(self, name))
            if values is not None:
                msgspec.structs.force_setattr(self, name, tuple(values))  # a list is not hashable
        for name in ("label", "tag", "not_"):
            if not isinstance(getattr(self, name), str | None):
                raise TypeError(f"{name} must be a string, found {type(getattr(self, name)).__name__}")
        where = self._named("tokens", "pattern", "token", "start", "start_char")
        if len(where) > 1 or (self.start is None) != (self.end is None):
            raise DataError(f"a rule with {_listed(self._fields)}", f"one place: {_WHERE}")
        if (self.start_char is None) != (self.end_char is None):
            raise DataError(f"a rule with {_listed(self._fields)}", f"one place: {_WHERE}")
        what = self._named("label", "tag", "not_", "labels")
        if len(what) != 1:
            raise DataError(f"a rule with {_listed(self._fields) or 'nothing'}", f"one of {_WHAT}")
        if self.label is not None and not where:
            raise DataError('"label" without a place', f"{_WHERE} beside it")
        if self.ignore_case and not self.is_matched:
            raise DataError('"ignore_case" without words', '"tokens" or "pattern" beside it')
        if self.bonus is not None and not (abs(self.bonus) <= MOST and (self.label or self.tag)):
            expected = f'one from -{MOST:,} to {MOST:,}, with "label" or "tag"; a rule without one always holds'
            raise DataError(f"a bonus of {self.bonus} with {_listed(what)}", expected)

    @property
    def is_matched(self) -> bool:
        """True if words decide where the rule applies."""
        return self.tokens is not None or self.pattern is not None

    @property
    def is_placed(self) -> bool:
        """True if it applies at one position of one input."""
        return not (self.token is self.start is self.start_char is None)

    def __str__(self) -> str:
        return msgspec.json.encode(self).decode()

    def _named(self, *names: str) -> list[str]:
        return [name.rstrip("_") for name in names if getattr(self, name) is not None]

    @property
    def _fields(self) -> list[str]:
        return self._named(*(name for name in self.__struct_fields__ if name != "ignore_case"))


class RuleMatch(NamedTuple):
    """A match of a rule at the tokens [start, end) of a sentence."""

    start: int
    end: int
    rule: Rule
    name: str
    """The name of the rule in errors, such as ``rules.jsonl:3``."""


class Rules:
    """A set of rules, indexed for lookup. Threads can share it.

    Overlapping matches of hard rules by words with ``label`` or ``tag`` are resolved from the left: the longest match
    at
    a token wins, and the next starts after its end. All other rules apply wherever they match.

    Args:
        names: the name of each rule in errors; by default rule 1, rule 2, and so on.
    """

    def __init__(self, rules: Iterable[Rule], names: Iterable[str] | None = None) -> None:
        self.rules = tuple(rules)
        self.names = [f"rule {i + 1}" for i in range(len(self.rules))] if names is None else list(names)
        self.mentioned: dict[tuple[str, str], str] = {}
        """The labels and tags in use: field and value, with the name of the first rule that has them."""
        exact, folded, patterns = _Gazetteer(str), _Gazetteer(str.casefold), list[_Pattern]()
        self._placed: list[int] = []
        self._everywhere: list[int] = []
        for i, (rule, name) in enumerate(zip(self.rules, self.names, strict=True)):
            if not isinstance(rule, Rule):
                raise TypeError(f"expected a Rule, found {type(rule).__name__}")
            for field, values in (("label", rule.label), ("tag", rule.tag), ("tag", rule.not_), ("label", rule.labels)):
                for value in (values,) if isinstance(values, str) else values or ():
                    self.mentioned.setdefault((field, value), name)
            if rule.tokens is not None:
                (folded if rule.ignore_case else exact).add(rule.tokens, i)
            elif rule.pattern is not None:
                patterns.append(_Pattern(_compiled(rule.pattern, rule.ignore_case, name), i))
            else:
                (self._placed if rule.is_placed else self._everywhere).append(i)
        self._words = (exact, folded, _Patterns(patterns))

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Rules:
        """Return the rules of a JSON lines file. Blank lines are skipped.

        Raises:
            DataError: an unreadable file, an invalid rule, or a rule for a position in one input.
        """
        rules, names, source = [], [], source_name(path)
        decoder = msgspec.json.Decoder(Rule)
        for number, line in read_lines(path):
            if not line.strip():
                continue
            try:
                rules.append(decoder.decode(line))
            except DataError as error:
                raise DataError(error.found, error.expected, source=source, line=number) from None
            except (msgspec.MsgspecError, RecursionError) as error:
                found = f"{line[:60].rstrip()!r} ({error})"
                expected = f'a JSON object with "tokens" or "pattern" or no place, and {_WHAT}'
                raise DataError(found, expected, source=source, line=number) from None
            names.append(f"{source}:{number}")
        read = cls(rules, names)
        read.check_unplaced()
        return read

    def __len__(self) -> int:
        return len(self.rules)

    def __add__(self, other: Rules) -> Rules:
        return Rules(self.rules + other.rules, self.names + other.names)

    def check_unplaced(self) -> None:
        """Check that these rules apply to any input.

        Raises:
            DataError: a rule for a position in one input.
        """
        for i in self._placed:
            raise _misplaced(self.rules[i], self.names[i])

    def matches(self, tokens: Sequence[str]) -> list[RuleMatch]:
        """Return the matches in a sentence of the rules for any input."""
        found = self._settled([place for words in self._words for place in words.find(tokens)])
        found += ((0, len(tokens), i) for i in self._everywhere)
        return [RuleMatch(start, end, self.rules[i], self.names[i]) for start, end, i in found]

    def _settled(self, found: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
        """Return the matches without overlaps among hard labels and tags: from the left, the longest first."""
        settled, taken = [], (0, 0)
        for start, end, i in sorted(found, key=lambda match: (match[0], -match[1])):
            rule = self.rules[i]
            if rule.bonus is None and (rule.label or rule.tag):
                if start < taken[1] and (start, end) != taken:
                    continue
                taken = (start, end)
            settled.append((start, end, i))
        return settled

    def placed(
        self, starts: Sequence[int], ends: Sequence[int], sentences: Sequence[tuple[int, int]]
    ) -> list[list[RuleMatch]]:
        """Return the matches in each sentence of the rules for positions of this input.

        Args:
            starts, ends: the characters of each token of the input.
            sentences: each sentence as a half-open range of tokens.

        Raises:
            DataError: a position outside the input, or across sentences.
        """
        found: list[list[RuleMatch]] = [[] for _ in sentences]
        for rule, name in ((self.rules[i], self.names[i]) for i in self._placed):
            try:
                start, end = _place(rule, starts, ends)
                number = next((s for s, (a, b) in enumerate(sentences) if a <= start and end <= b), None)
                if number is None:
                    borders = ", ".join(f"[{a}, {b})" for a, b in sentences)
                    raise DataError(f"tokens [{start}, {end})", f"tokens of one sentence; they are {borders}")
            except DataError as error:
                raise DataError(f"{error.found} in {rule}", error.expected, source=name) from None
            first = sentences[number][0]
            found[number].append(RuleMatch(start - first, end - first, rule, name))
        return found


@dataclass(frozen=True, slots=True)
class InputWithRules:
    """An input with its own rules, of any kind.

    Example:
        >>> InputWithRules("May met June.", Rules([Rule(token=0, tag="PER")]))  # doctest: +SKIP
    """

    given: str | Sequence[str] | Sentence
    rules: Rules

    def __post_init__(self) -> None:
        check_rules(self.rules)


def check_rules(rules: object) -> None:
    """Check that an object is Rules.

    Raises:
        TypeError: it is something else.
    """
    if not isinstance(rules, Rules):
        raise TypeError(f"expected Rules, such as Rules([Rule(...)]), found {type(rules).__name__}")


def rules_of(value: Any, source: str, line: int) -> Rules:
    """Return the rules under the key ``rules`` of an input in a file.

    Raises:
        DataError: not a list of rules.
    """
    try:
        rules = msgspec.convert(value, list[Rule])
    except DataError as error:
        raise DataError(error.found, error.expected, source=source, line=line) from None
    except msgspec.ValidationError as error:
        found = f'"rules" with a fault ({error})'
        expected = f"a list of objects with {_WHERE}, and {_WHAT}"
        raise DataError(found, expected, source=source, line=line) from None
    return Rules(rules, [f"{source}:{line}, rule {i + 1}" for i in range(len(rules))])


class _Gazetteer:
    """Token lists and their rules, indexed by first token."""

    def __init__(self, form: Callable[[str], str]) -> None:
        self._form = form
        self._rules: dict[tuple[str, ...], tuple[int, ...]] = {}
        self._lengths: dict[str, tuple[int, ...]] = {}

    def add(self, tokens: Sequence[str], rule: int) -> None:
        """Add a rule for these tokens."""
        key = tuple(map(self._form, tokens))
        self._rules[key] = (*self._rules.get(key, ()), rule)
        lengths = self._lengths.get(key[0], ())
        if len(key) not in lengths:
            self._lengths[key[0]] = (*lengths, len(key))

    def find(self, tokens: Sequence[str]) -> Iterator[tuple[int, int, int]]:
        """Yield the start, end and rule of each match."""
        if not self._rules:
            return
        forms = tuple(map(self._form, tokens))
        for start, token in enumerate(forms):
            for length in self._lengths.get(token, ()):
                end = start + length
                if end <= len(forms) and (rules := self._rules.get(forms[start:end])):
                    yield from ((start, end, rule) for rule in rules)


class _Pattern(NamedTuple):
    """Regular expressions for consecutive tokens, and their rule."""

    parts: tuple[re.Pattern[str], ...]
    rule: int


class _Patterns:
    """Patterns, indexed by the tokens they can start at. Tokens repeat, so lookups are cached."""

    def __init__(self, patterns: Sequence[_Pattern]) -> None:
        self._any = bool(patterns)
        self._starting = lru_cache(65_536)(partial(_starting, patterns))

    def find(self, tokens: Sequence[str]) -> Iterator[tuple[int, int, int]]:
        """Yield the start, end and rule of each match."""
        for start, token in enumerate(tokens if self._any else ()):
            for parts, rule in self._starting(token):
                end = start + len(parts)
                if end <= len(tokens) and all(map(re.Pattern.fullmatch, parts, tokens[start:end])):
                    yield start, end, rule


def _starting(patterns: Sequence[_Pattern], token: str) -> tuple[_Pattern, ...]:
    return tuple(pattern for pattern in patterns if pattern.parts[0].fullmatch(token))


def _compiled(pattern: Sequence[str], ignore_case: bool, name: str) -> tuple[re.Pattern[str], ...]:
    parts = []
    for part in pattern:
        try:
            parts.append(re.compile(part, re.IGNORECASE if ignore_case else 0))
        except (re.error, OverflowError, RecursionError) as error:
            raise DataError(f"{part!r} ({error})", "a regular expression", source=name) from None
    return tuple(parts)


def _place(rule: Rule, starts: Sequence[int], ends: Sequence[int]) -> tuple[int, int]:
    """Return the tokens [start, end) at a rule's position."""
    if rule.start_char is not None and rule.end_char is not None:
        if rule.start_char not in starts or rule.end_char not in ends:
            found = f"characters [{rule.start_char}, {rule.end_char})"
            raise DataError(found, f"the borders of tokens; they start at {_some(starts)}, and end at {_some(ends)}")
        start, end = starts.index(rule.start_char), ends.index(rule.end_char) + 1
    elif rule.token is not None:
        start, end = rule.token, rule.token + 1
    else:
        start, end = rule.start or 0, rule.end or 0
    if not 0 <= start < end <= len(starts):
        raise DataError(f"tokens [{start}, {end})", f"0 <= start < end <= {len(starts)}, the tokens of the input")
    return start, end


def _misplaced(rule: Rule, name: str) -> DataError:
    return DataError(
        f"{rule}, for a place in one input", 'a rule for any: "tokens", "pattern", or no place', source=name
    )


def _check_strings(name: str, values: Any) -> None:
    if isinstance(values, str) or not all(isinstance(value, str) for value in values or ()):
        raise TypeError(f"{name} must be a sequence of strings, not {values!r:.60}")
    if values is not None and ("" in values or not values):
        raise DataError(f'"{name}" of {list(values)}', "at least one string, none of them empty")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _some(numbers: Sequence[int]) -> str:
    return f"{', '.join(map(str, numbers[:12]))}{' ...' * (len(numbers) > 12)}"
