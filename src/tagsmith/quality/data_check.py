"""A check of tagged files before training: malformed lines, schemes, odd characters, repeats, new labels."""

from __future__ import annotations

import os
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from tagsmith import formats
from tagsmith.errors import DataError
from tagsmith.formats.columns import Columns
from tagsmith.schemes import EXPECTED_TAG, PLAIN, SCHEMES, is_span_tag, read_spans
from tagsmith.text import Sentence, TokenizerName

_ODD = {
    "Cc": "control character",
    "Cf": "invisible formatting character",
    "Co": "private-use character",
    "Cs": "lone surrogate",
    "Cn": "unassigned character",
    "Zs": "space inside a token",
    "Zl": "line separator",
    "Zp": "paragraph separator",
}
_JOINERS = dict.fromkeys(map(ord, "\u200c\u200d\ufe0f"))  # part of ordinary words and emoji
_LIKE_SPAN_TAG = re.compile("[A-Za-z]?-.*|[beilmosuBEILMOSU]")


class IllegalTag(NamedTuple):
    """A tag that breaks the scheme of its file."""

    source: str
    line: int | None
    token: str
    tag: str
    expected: str
    """The tag that the scheme has there, or what a span tag looks like."""
    scheme: str | None
    """The scheme that fits the file best; None if the tag is not a span tag."""


class OddToken(NamedTuple):
    """A token with a character that is rarely meant."""

    source: str
    line: int | None
    token: str


class SharedSentence(NamedTuple):
    """A sentence that occurs in more than one file."""

    tokens: tuple[str, ...]
    places: tuple[tuple[str, ...], ...]
    """For each file that has it, its places as ``file:line``."""


@dataclass
class FileCheck:
    """The counts and findings of one file."""

    source: str
    documents: int = 0
    sentences: int = 0
    tokens: int = 0
    tags: Counter[str] = field(default_factory=Counter)
    spans: Counter[str] = field(default_factory=Counter)
    """Spans by label."""
    schemes: list[str] = field(default_factory=list)
    """The schemes that every sentence fits, or ``plain`` alone."""
    repeats: int = 0
    """The number of sentences that occur earlier in the file."""
    malformed: list[DataError] = field(default_factory=list)
    illegal: list[IllegalTag] = field(default_factory=list)
    odd: dict[str, list[OddToken]] = field(default_factory=lambda: defaultdict(list))
    """Odd tokens by what is odd about them."""

    @property
    def is_plain(self) -> bool:
        """True if the tags are plain, such as parts of speech."""
        return self.schemes == [PLAIN]

    @property
    def labels(self) -> Counter[str]:
        """The labels of the spans, or the tags if they are plain."""
        return self.tags if self.is_plain else self.spans

    @property
    def looks_like_spans(self) -> bool:
        """True if plain tags all look like span tags, so that they may be misspelled ones."""
        return self.is_plain and all(map(_LIKE_SPAN_TAG.fullmatch, self.tags))

    @property
    def has_errors(self) -> bool:
        """True if something is wrong, and not merely odd."""
        return bool(self.malformed or self.illegal)


class DataCheck:
    """A check of several files, the first of which is the one to train on.

    Example:
        >>> check = DataCheck()
        >>> reports = [check.add(path) for path in ("train.conll", "dev.conll")]  # doctest: +SKIP
        >>> check.shared_sentences(), check.new_labels()  # doctest: +SKIP
    """

    def __init__(self, columns: Columns | None = None, tokenizer: TokenizerName = "words") -> None:
        self.files: list[FileCheck] = []
        self._columns = columns
        self._tokenizer: TokenizerName = tokenizer
        # By the tokens of a sentence, then by the number of the file.
        self._places: dict[tuple[str, ...], dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))

    def add(self, path: str | os.PathLike[str]) -> FileCheck:
        """Check one more file, and return what was found in it.

        Raises:
            DataError: the file can't be read at all. Malformed lines are findings.
            ConfigError: the format does not have a chosen column.
        """
        report = FileCheck(str(path))
        sentences = self._read(path, report)
        self._count(sentences, report)
        self.files.append(report)
        strange = [tag for tag in report.tags if not is_span_tag(tag)]
        # Tags of which most are not span tags are plain tags, such as parts of speech; a few are mistakes.
        if sum(report.tags[tag] for tag in strange) * 2 > report.tokens:
            report.schemes = [PLAIN]
        elif strange:
            report.illegal += [tag for sentence in sentences for tag in _not_span_tags(sentence)]
        else:
            _fit_schemes(report, sentences)
        return report

    def new_labels(self) -> list[tuple[FileCheck, Counter[str]]]:
        """Return the files with labels that the first file lacks. Spans are not compared with plain tags."""
        first, *others = self.files
        found = []
        for other in others:
            new = Counter({label: count for label, count in other.labels.items() if label not in first.labels})
            if new and first.labels and other.is_plain == first.is_plain:
                found.append((other, new))
        return found

    def shared_sentences(self) -> list[SharedSentence]:
        """Return the sentences that occur in more than one file, the longest first."""
        shared = [
            SharedSentence(tokens, tuple(map(tuple, by_file.values())))
            for tokens, by_file in self._places.items()
            if len(by_file) > 1
        ]
        return sorted(shared, key=lambda sentence: -len(sentence.tokens))

    def _read(self, path: str | os.PathLike[str], report: FileCheck) -> list[Sentence]:
        layout = formats.FORMATS[formats.format_of(path)].layout
        if layout is None:
            return list(
                formats.read(path, columns=self._columns, on_bad=report.malformed.append, tokenizer=self._tokenizer)
            )
        blocks = list(layout.read_blocks(path, self._columns, on_bad=report.malformed.append))
        report.documents = sum(block.documents for block in blocks)
        return [block.sentence() for block in blocks if block.tokens]

    def _count(self, sentences: list[Sentence], report: FileCheck) -> None:
        report.sentences = len(sentences)
        for sentence in sentences:
            report.tokens += len(sentence)
            report.tags.update(sentence.tags or ())
            places = self._places[sentence.tokens][len(self.files)]
            report.repeats += bool(places)
            places.append(f"{report.source}:{sentence.line_of()}")
            for i, token in enumerate(sentence.tokens):
                for name in odd_characters(token):
                    report.odd[name].append(OddToken(report.source, sentence.line_of(i), token))


def check_file(
    path: str | os.PathLike[str], columns: Columns | None = None, tokenizer: TokenizerName = "words"
) -> FileCheck:
    """Check one file of tagged sentences; errors as for ``DataCheck.add``."""
    return DataCheck(columns, tokenizer).add(path)


def odd_characters(token: str) -> list[str]:
    """Return what is odd about the characters of a token, sorted; nothing for an ordinary one of any script."""
    if token.isascii() and token.isprintable():
        return ["space inside a token"] if " " in token else []
    found = {_ODD[c] for c in map(unicodedata.category, token.translate(_JOINERS)) if c in _ODD}
    if "\ufffd" in token:
        found.add("replacement character")
    if not unicodedata.is_normalized("NFC", token):
        found.add("not in Unicode's composed form (NFC)")
    return sorted(found)


def _not_span_tags(sentence: Sentence) -> Iterable[IllegalTag]:
    for i, (token, tag) in enumerate(zip(sentence.tokens, sentence.tags or (), strict=True)):
        if not is_span_tag(tag):
            yield IllegalTag(sentence.source, sentence.line_of(i), token, tag, EXPECTED_TAG, None)


def _fit_schemes(report: FileCheck, sentences: list[Sentence]) -> None:
    """Find the schemes that every sentence fits; if there is none, the tags that break the nearest one."""
    misfits: dict[str, list[IllegalTag]] = {name: [] for name in SCHEMES}
    for sentence in sentences:
        spans = read_spans(sentence.tags or ())
        report.spans.update(span.label for span in spans)
        for name, scheme in SCHEMES.items():
            misfits[name] += _differences(sentence, scheme.write(spans, len(sentence)), name)
    report.schemes = [name for name, wrong in misfits.items() if not wrong]
    if not report.schemes:
        report.illegal += min(misfits.values(), key=len)


def _differences(sentence: Sentence, legal: list[str], scheme: str) -> Iterable[IllegalTag]:
    rows = zip(sentence.tokens, sentence.tags or (), legal, strict=True)
    for i, (token, tag, expected) in enumerate(rows):
        if tag != expected:
            yield IllegalTag(sentence.source, sentence.line_of(i), token, tag, expected, scheme)
