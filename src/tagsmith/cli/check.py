"""tagsmith check"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence

import click

from tagsmith.cli.parsing import options
from tagsmith.formats.columns import Columns
from tagsmith.quality.data_check import DataCheck, FileCheck, IllegalTag, OddToken
from tagsmith.schemes import EXPECTED_TAG
from tagsmith.text import TokenizerName

_SHOWN = 5  # examples of each finding
_LABELS = 12


@click.command("check")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@options.columns
@options.tokenizer
def command(files: tuple[str, ...], columns: Columns, tokenizer: TokenizerName | None) -> None:
    """Check files of tagged sentences before training on them.

    \b
    Example:
      tagsmith check train.conll dev.conll test.conll

    Prints counts, the schemes that the tags fit, malformed lines, illegal tags, odd characters, sentences that occur
    twice in a file or in more than one, and labels that are not in the first file, the one to train on. The exit code
    is 1 if lines are malformed or tags illegal.
    """
    check = DataCheck(columns, tokenizer or "words")
    for file in files:
        click.echo("\n".join(_file_lines(check.add(file))))
    if len(files) > 1:
        click.echo("\n".join([*_new_labels(check), *_shared_sentences(check)]))
    sys.exit(1 if any(file.has_errors for file in check.files) else 0)


def _file_lines(file: FileCheck) -> Iterator[str]:
    first = f"{file.source}: {_number(file.sentences, 'sentence')}, {_number(file.tokens, 'token')}"
    if file.documents:
        with_them = file.sentences + file.documents
        first += f", {file.documents:,} documents ({with_them:,} sentences with -DOCSTART- counted)"
    yield first
    yield from _tag_lines(file)
    yield from _finding("malformed lines", [str(error) for error in file.malformed])
    yield from _finding("illegal tags", list(map(_illegal_tag, file.illegal)))
    if file.repeats:
        yield f"  sentences that occur earlier in the file: {file.repeats:,}"
    for name, tokens in sorted(file.odd.items()):
        yield from _finding(f"tokens with: {name}", list(map(_odd_token, tokens)))


def _tag_lines(file: FileCheck) -> Iterator[str]:
    if file.is_plain:
        yield f"  plain tags: {len(file.tags)}, from {_most(file.tags)}"
        if file.looks_like_spans:
            yield f"  they look like span tags, but are none; a span tag is {EXPECTED_TAG}"
    elif not file.tokens:
        yield "  no tokens, so no tags"
    else:
        if file.spans:
            yield f"  {_number(file.spans.total(), 'span')}: {_most(file.spans)}"
        undecided = "; nothing in the file tells them apart" if len(file.schemes) > 1 else ""
        yield f"  tags fit: {', '.join(file.schemes) or 'no scheme'}{undecided}"


def _illegal_tag(found: IllegalTag) -> str:
    where = f"{found.source}:{found.line}: tag {found.tag!r}"
    if found.scheme is None:
        return f"{where}; expected {found.expected}"
    return f"{where} at {found.token!r}; expected {found.expected!r} as {found.scheme}"


def _odd_token(found: OddToken) -> str:
    return f"{found.source}:{found.line}: {found.token!r}"


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _most(counts: Counter[str]) -> str:
    shown = ", ".join(f"{name or '(no label)'} {count:,}" for name, count in counts.most_common(_LABELS))
    return shown + (" ..." if len(counts) > _LABELS else "")


def _finding(name: str, places: Sequence[str]) -> list[str]:
    if not places:
        return []
    lines = [f"  {name}: {len(places):,}", *(f"    {place}" for place in places[:_SHOWN])]
    return [*lines, f"    and {len(places) - _SHOWN:,} more"] if len(places) > _SHOWN else lines


def _new_labels(check: DataCheck) -> Iterator[str]:
    for file, new in check.new_labels():
        noun = "tags" if file.is_plain else "labels"
        yield f"{noun} in {file.source} that {check.files[0].source} lacks: {_most(new)}"


def _shared_sentences(check: DataCheck) -> Iterator[str]:
    shared = check.shared_sentences()
    if not shared:
        yield "no sentence occurs in more than one file"
        return
    yield f"sentences that occur in more than one file: {len(shared):,}"
    # The longest first: a short one, such as a name alone, easily occurs twice.
    for sentence in shared[:_SHOWN]:
        places = [place for of_file in sentence.places for place in of_file[:2]]
        yield f"  {_number(len(sentence.tokens), 'token')}: {', '.join(places[:4])}"
