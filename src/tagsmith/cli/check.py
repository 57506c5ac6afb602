"""tagsmith check"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import click

from tagsmith.cli import options
from tagsmith.errors import DataError
from tagsmith.text import Sentence, TokenizerName

if TYPE_CHECKING:
    from tagsmith.formats.columns import Columns

_SHOWN = 5  # examples of each finding
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
_JOINERS = "\u200c\u200d\ufe0f"  # part of ordinary words and emoji


_Places = dict[tuple[str, ...], dict[int, list[str]]]
"""Where the sentence of some tokens stands: by the number of the file among the arguments, its lines."""
_LIKE_SPAN_TAG = re.compile("[A-Za-z]?-.*|[beilmosuBEILMOSU]")


@dataclass
class CheckReport:
    """What was found in one file."""

    source: str
    documents: int = 0
    sentences: int = 0
    tokens: int = 0
    tags: Counter[str] = field(default_factory=Counter)
    spans: Counter[str] = field(default_factory=Counter)
    schemes: list[str] = field(default_factory=list)
    repeats: int = 0
    """Sentences whose tokens an earlier one has."""
    malformed: list[DataError] = field(default_factory=list)
    illegal: list[str] = field(default_factory=list)
    odd: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    @property
    def labels(self) -> Counter[str]:
        """The labels of the spans, or the tags where there are no spans."""
        return self.tags if self.schemes == ["plain"] else self.spans

    @property
    def is_bad(self) -> bool:
        """Whether something is wrong, rather than odd."""
        return bool(self.malformed or self.illegal)


@click.command("check")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@options.columns
@options.tokenizer
def command(
    files: tuple[str, ...],
    word_column: int | str | None,
    tag_column: int | str | None,
    tokenizer: TokenizerName | None,
) -> None:
    """Look over files of tagged sentences before training on them.

    \b
    Example:
      tagsmith check train.conll dev.conll test.conll

    Shows counts, the schemes the tags fit, malformed lines, illegal tags, odd characters, sentences that occur
    again in a file or in more than one, and labels that the first file, to train on, lacks. Ends with exit code 1
    if lines are malformed or tags illegal.
    """
    from tagsmith.formats.columns import Columns

    places: _Places = defaultdict(lambda: defaultdict(list))
    reports = []
    for number, file in enumerate(files):
        reports.append(_examine(number, file, Columns(word_column, tag_column), tokenizer or "words", places))
        click.echo(_render(reports[-1]))
    if len(files) > 1:
        click.echo("\n".join([*_new_labels(reports), _duplicates(places)]))
    sys.exit(1 if any(report.is_bad for report in reports) else 0)


def _examine(number: int, file: str, columns: Columns, tokenizer: TokenizerName, places: _Places) -> CheckReport:
    from tagsmith import formats, schemes
    from tagsmith.formats import conll

    report = CheckReport(file)
    sentences: list[Sentence] = []
    if formats.format_of(file) == "conll":
        for block in conll.read_blocks(file, columns, on_bad=report.malformed.append):
            report.documents += sum(line.startswith(conll.DOCSTART) for line in block.lines)
            if block.tokens:
                sentences.append(block.sentence())
    else:
        sentences = list(formats.read(file, columns=columns, on_bad=report.malformed.append, tokenizer=tokenizer))
    for sentence in sentences:
        report.tokens += len(sentence)
        report.tags.update(sentence.tags or ())
        found = places[sentence.tokens][number]
        report.repeats += bool(found)
        found.append(f"{file}:{sentence.line_of()}")
        for i, token in enumerate(sentence.tokens):
            for name in _odd(token):
                report.odd[name].append(f"{file}:{sentence.line_of(i)}: {token!r}")
    report.sentences = len(sentences)
    strange = [tag for tag in report.tags if not schemes.is_span_tag(tag)]
    # Tags of which most are no span tags are plain tags, such as parts of speech; few are mistakes.
    if sum(report.tags[tag] for tag in strange) * 2 > report.tokens:
        report.schemes = ["plain"]
        return report
    for sentence in sentences:
        wrong = [i for i, tag in enumerate(sentence.tags or ()) if not schemes.is_span_tag(tag)]
        report.illegal += [
            f"{file}:{sentence.line_of(i)}: tag {(sentence.tags or ())[i]!r}; expected {schemes.EXPECTED_TAG}"
            for i in wrong
        ]
    if strange:
        return report
    _fit_schemes(report, sentences)
    return report


def _fit_schemes(report: CheckReport, sentences: list[Sentence]) -> None:
    """The schemes every sentence is legal in; if there is none, the places that break the nearest one."""
    from tagsmith import schemes

    misfits: dict[str, list[str]] = {name: [] for name in schemes.SCHEMES}
    for sentence in sentences:
        tags = sentence.tags or ()
        spans = schemes.read_spans(tags)
        report.spans.update(span.label for span in spans)
        for name, scheme in schemes.SCHEMES.items():
            misfits[name].extend(_differences(sentence, scheme.write(spans, len(tags))))
    report.schemes = [name for name, wrong in misfits.items() if not wrong]
    if not report.schemes:
        nearest = min(misfits, key=lambda name: len(misfits[name]))
        report.illegal += [f"{place} as {nearest}" for place in misfits[nearest]]


def _differences(sentence: Sentence, legal: list[str]) -> list[str]:
    return [
        f"{sentence.source}:{sentence.line_of(i)}: tag {tag!r} at {sentence.tokens[i]!r}; expected {right!r}"
        for i, (tag, right) in enumerate(zip(sentence.tags or (), legal, strict=True))
        if tag != right
    ]


def _odd(token: str) -> list[str]:
    if token.isascii() and token.isprintable():
        return ["space inside a token"] if " " in token else []
    found = {
        _ODD[c] for c in map(unicodedata.category, token.translate(dict.fromkeys(map(ord, _JOINERS)))) if c in _ODD
    }
    if "\ufffd" in token:
        found.add("replacement character")
    if not unicodedata.is_normalized("NFC", token):
        found.add("not in Unicode's composed form (NFC)")
    return sorted(found)


def _render(report: CheckReport) -> str:
    lines = [f"{report.source}: {_number(report.sentences, 'sentence')}, {_number(report.tokens, 'token')}"]
    if report.documents:
        with_them = report.sentences + report.documents
        lines[0] += f", {report.documents:,} documents ({with_them:,} sentences with -DOCSTART- counted)"
    if report.schemes == ["plain"]:
        lines.append(f"  plain tags: {len(report.tags)}, from {_most(report.tags)}")
        if all(map(_LIKE_SPAN_TAG.fullmatch, report.tags)):
            from tagsmith.schemes import EXPECTED_TAG

            lines.append(f"  they look like span tags, but are none; a span tag is {EXPECTED_TAG}")
    elif not report.tokens:
        lines.append("  no tokens, so no tags")
    else:
        if report.spans:
            lines.append(f"  {_number(report.spans.total(), 'span')}: {_most(report.spans)}")
        lines.append(f"  tags fit: {', '.join(report.schemes) or 'no scheme'}")
        if len(report.schemes) > 1:
            lines[-1] += "; nothing in the file tells them apart"
    lines += _finding("malformed lines", [str(error) for error in report.malformed])
    lines += _finding("illegal tags", report.illegal)
    if report.repeats:
        lines.append(f"  sentences that occur earlier in the file: {report.repeats:,}")
    for name, places in sorted(report.odd.items()):
        lines += _finding(f"tokens with: {name}", places)
    return "\n".join(lines)


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _most(counts: Counter[str]) -> str:
    shown = ", ".join(f"{name or '(no label)'} {count:,}" for name, count in counts.most_common(12))
    return shown + (" ..." if len(counts) > 12 else "")


def _finding(name: str, places: list[str]) -> list[str]:
    if not places:
        return []
    lines = [f"  {name}: {len(places):,}", *(f"    {place}" for place in places[:_SHOWN])]
    return [*lines, f"    and {len(places) - _SHOWN:,} more"] if len(places) > _SHOWN else lines


def _new_labels(reports: list[CheckReport]) -> Iterator[str]:
    """A line for each file that has labels which the first lacks, where both have spans, or both plain tags."""
    first, *others = reports
    for report in others:
        alike = (report.schemes == ["plain"]) == (first.schemes == ["plain"])
        new = Counter({label: count for label, count in report.labels.items() if label not in first.labels})
        if new and first.labels and alike:
            noun = "tags" if report.schemes == ["plain"] else "labels"
            yield f"{noun} in {report.source} that {first.source} lacks: {_most(new)}"


def _duplicates(places: _Places) -> str:
    shared = [(len(tokens), where) for tokens, where in places.items() if len(where) > 1]
    if not shared:
        return "no sentence occurs in more than one file"
    lines = [f"sentences that occur in more than one file: {len(shared):,}"]
    # Long ones first: that a short one such as a name alone comes twice means little.
    shared.sort(key=lambda pair: -pair[0])
    for length, where in shared[:_SHOWN]:
        some = [place for found in where.values() for place in found[:2]]
        lines.append(f"  {_number(length, 'token')}: {', '.join(some[:4])}")
    return "\n".join(lines)
