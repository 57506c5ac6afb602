"""tagsmith data"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tagsmith.cli.printing.streams import progress_bar

if TYPE_CHECKING:
    from tagsmith.corpora import DataSet
    from tagsmith.corpora.checking import EntryCheck

_registry = click.option(
    "--registry", metavar="FILE", help="A TOML file of your own data sets, in addition to the known ones."
)
_only = click.option(
    "--only", "keys", multiple=True, metavar="PART", help="Only this split, or file of vectors. May be repeated."
)


@click.group("data", invoke_without_command=True)
@click.pass_context
def command(context: click.Context) -> None:
    """Find, download and check standard corpora and vectors.

    \b
    Example:
      tagsmith data list
      tagsmith data show conll2003
      tagsmith data get wnut17 --to corpora
      tagsmith data check conll2003 corpora/conll2003

    Without a command, prints the list.
    """
    if context.invoked_subcommand is None:
        context.invoke(show_list)


@command.command("list")
@_registry
def show_list(registry: str | None = None) -> None:
    """List the known corpora and word vectors.

    \b
    Example:
      tagsmith data list --registry mine.toml

    The last column tells whether tagsmith data get can download them.
    """
    from tagsmith.corpora import read_registry
    from tagsmith.corpora.registry import is_downloadable

    rows = [("name", "task", "language", "size", "licence", "download")]
    for name, entry in read_registry(registry).entries.items():
        task, size = task_and_size(entry)
        rows.append((name, task, entry.language, size, entry.licence, "yes" if is_downloadable(entry) else "no"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())


@command.command("show")
@click.argument("name")
@_registry
def show(name: str, registry: str | None) -> None:
    """Show what is known about a data set.

    \b
    Example:
      tagsmith data show conll2003

    Prints files, counts, checksums, licence, citation, and how to get it.
    """
    from tagsmith.corpora import CorpusEntry, read_registry

    entry = read_registry(registry)[name]
    task, size = task_and_size(entry)
    facts = {"name": name, "what": entry.title, "task": task, "language": entry.language, "size": size}
    if isinstance(entry, CorpusEntry):
        facts["tags"] = entry.scheme
    shipping = "models made with it may be given away" if entry.shippable else "models made with it stay with you"
    facts |= {"licence": f"{entry.licence}: {shipping}", "homepage": entry.homepage, "citation": entry.citation}
    for title, value in {**facts, "how to get it": entry.how}.items():
        click.echo(f"{title:14}  {value}")
    for key, file in entry.files.items():
        click.echo(f"\n{key}: {' or '.join((file.name, *file.also))}")
        for title, value in _facts(entry, key):
            click.echo(f"  {title:10}  {value}")
    if isinstance(entry, CorpusEntry) and entry.last_tenth_is_dev:
        click.echo("\ndev: the last tenth of train")


@command.command("get")
@click.argument("name")
@click.option(
    "--to", "folder", default=".", show_default=True, metavar="DIR", help="The folder in which to make a folder NAME."
)
@_only
@_registry
def get(name: str, folder: str, keys: tuple[str, ...], registry: str | None) -> None:
    """Download a data set, if its licence allows it.

    \b
    Example:
      tagsmith data get wnut17 --to corpora
      tagsmith data get glove.6B --only 100d

    To resume a download that was cut off, run the same command again. A file gets its name only once its SHA-256 is
    right; a correct file is not downloaded again. For data that you must request elsewhere, the command prints where.
    """
    from tagsmith.corpora import downloading, read_registry

    def say(sentence: str) -> None:
        click.echo(sentence, err=True)

    entry = read_registry(registry)[name]
    for path in downloading.download(name, entry, folder, keys, say=say, bar=progress_bar).values():
        click.echo(path)


@command.command("check")
@click.argument("name")
@click.argument("place", metavar="PATH")
@_only
@_registry
def check(name: str, place: str, keys: tuple[str, ...], registry: str | None) -> None:
    """Check that your files are those of a data set.

    \b
    Example:
      tagsmith data check conll2003 corpora/conll2003
      tagsmith data check conll2003_iob1 eng.testb
      tagsmith data check conll2003 my.conll --only test

    Files are compared byte for byte, or else by their counts. PATH is one file, the folder of its files, or a folder
    of data sets. -DOCSTART- lines are not counted. The exit code is 1 if a file is missing or its counts differ.
    """
    from tagsmith.corpora import read_registry
    from tagsmith.corpora.checking import check as compare
    from tagsmith.corpora.registry import select_files

    entry = read_registry(registry)[name]
    wrong = False
    for key, path in _files(name, entry, place, select_files(entry, keys)).items():
        finding = compare(entry, key, path) if path else None
        click.echo(f"{key}: {_described(entry, finding) if finding else _missing(entry, key)}")
        wrong |= finding is None or not finding.is_right
    sys.exit(1 if wrong else 0)


def _files(name: str, entry: DataSet, place: str, keys: list[str]) -> dict[str, Path | None]:
    """Return the files to check, by the split or part that they should be; None for a missing one."""
    from tagsmith.corpora.locating import entry_folder, find_file
    from tagsmith.files import check_readable

    if Path(place).is_dir():
        folder = entry_folder(name, entry, place)
        return {key: find_file(entry.files[key], folder) for key in keys}
    check_readable(place, f"a file or folder of {name}")
    if len(keys) > 1:
        keys = [key for key in keys if Path(place).name in entry.files[key].names]
    if len(keys) != 1:
        raise click.UsageError(f"{place}: say which it is: --only {', --only '.join(entry.files)}")
    return {keys[0]: Path(place)}


def _described(entry: DataSet, finding: EntryCheck) -> str:
    if finding.same_bytes:
        return f"{finding.path}: as expected, to the byte"
    known = "another SHA-256 than ours" if entry.files[finding.key].sha256 else "its SHA-256 is not known"
    counts = [
        f"{noun} {found:,}" + (" as expected" if found == expected else f", expected {expected:,}")
        for noun, (found, expected) in finding.counts.items()
        if found or expected
    ]
    return f"{finding.path}: {known}; {'; '.join(counts)}"


def _missing(entry: DataSet, key: str) -> str:
    file = entry.files[key]
    return f"not found; looked for {' and '.join((file.name, *file.also))}, plain and .gz"


def task_and_size(entry: DataSet) -> tuple[str, str]:
    """Return the task of an entry and its size: the sentences of each split or of all parts, or the words."""
    from tagsmith.corpora import CorpusEntry

    if not isinstance(entry, CorpusEntry):
        return "word vectors", f"{max(file.words for file in entry.files.values()):,} words"
    splits = set(entry.files) <= {"train", "dev", "test"}
    if splits:
        return entry.task, " / ".join(f"{file.sentences:,}" for file in entry.files.values())
    return entry.task, f"{sum(file.sentences for file in entry.files.values()):,}"


def _facts(entry: DataSet, key: str) -> Iterator[tuple[str, str]]:
    from tagsmith.corpora import CorpusEntry

    file = entry.files[key]
    counts = ("sentences", "tokens", "spans", "malformed") if isinstance(entry, CorpusEntry) else ("words", "dim")
    for name in counts:
        if value := getattr(file, name):
            yield name, f"{value:,}"
    if file.sha256:
        yield "SHA-256", file.sha256
    if file.url:
        yield "from", file.url
    elif entry.archive and file.member:
        yield "from", f"{entry.archive.url}: {file.member}"
