"""From the registry to files in a folder: fetched, unpacked, checked, and only then under their names."""

from __future__ import annotations

import hashlib
import os
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from tagsmith.corpora.checking import sha256_of
from tagsmith.corpora.fetching import Say, discard, fetch
from tagsmith.corpora.locating import find
from tagsmith.corpora.registry import ArchiveEntry, DataSet, FileEntry, can_get, chosen
from tagsmith.errors import DataError
from tagsmith.files import Watch, read_chunks, replacing

Bar = Callable[[str], AbstractContextManager[Watch | None]]
"""Given a name, shows how far its download is."""

_GZIP_MORE = 1 << 10  # gzip of what can't be packed is a little longer than it


def get(
    name: str,
    entry: DataSet,
    folder: str | os.PathLike[str],
    keys: Iterable[str] = (),
    *,
    say: Say = lambda sentence: None,
    bar: Bar = lambda name: nullcontext(),
    pause: float = 1.0,
) -> dict[str, Path]:
    """Download the files of an entry into its folder below ``folder``; those that are there and right stay.

    Args:
        keys: the splits of a corpus, or the files of word vectors, to get; none for all.
        say: called with what is worth knowing.
        pause: as in ``fetch``.

    Raises:
        ConfigError: the entry has no such file.
        DataError: a file isn't offered for download, can't be fetched or isn't what the registry says, or another
            stands in its place. What isn't right is not kept.
    """
    keys = chosen(entry, keys)
    if not can_get(entry, keys):
        expected = f"files of your own. {entry.how} Then: tagsmith data check {name} FOLDER"
        raise DataError(f"no download of {name} (licence: {entry.licence})", expected)
    own = Path(folder) / (entry.folder or name)
    try:
        own.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(error.strerror or str(error), "a folder that can be made", source=str(own)) from None
    placed = {}
    for key in keys:
        file = entry.files[key]
        there = find(file, own)
        if there is not None:
            _check_there(file, there)
            say(f"{there}: already there")
        elif file.url:
            _get_file(file, file.url, own, say, bar, pause)
        elif entry.archive and file.member:  # as can_get found
            archive = _get_archive(entry.archive, own, say, bar, pause)
            _place(_member_chunks(archive, file.member), file, own, f"{archive}: {file.member}")
        placed[key] = there or own / file.name
        if there is None:
            say(f"{placed[key]}: done")
    return placed


def _check_there(file: FileEntry, there: Path) -> None:
    if file.sha256 and (found := sha256_of(there)) != file.sha256:
        expected = f"{file.sha256}, or no file, to download it"
        raise DataError(f"another file, with the SHA-256 {found}", expected, source=str(there))


def _get_file(file: FileEntry, url: str, folder: Path, say: Say, bar: Bar, pause: float) -> None:
    part = folder / f".{file.name}.part"
    with bar(file.name) as watch:
        fetch(url, part, (file.bytes or 0) + _GZIP_MORE, watch=watch, say=say, pause=pause)
    with _judging(part):
        _place(read_chunks(part), file, folder, url)


def _get_archive(archive: ArchiveEntry, folder: Path, say: Say, bar: Bar, pause: float) -> Path:
    target = folder / archive.name
    if target.is_file():
        _check_packed(target, archive, str(target))
        return target
    part = folder / f".{archive.name}.part"
    with bar(archive.name) as watch:
        fetch(archive.url, part, archive.bytes, watch=watch, say=say, pause=pause)
    with _judging(part):
        _check_packed(part, archive, archive.url)
        part.replace(target)
    say(f"{target}: kept for its other files; it may be deleted")
    return target


@contextmanager
def _judging(part: Path) -> Iterator[None]:
    """What has arrived is removed once it is judged, right or wrong, but stays where the judging itself is cut off."""
    try:
        yield
    except DataError:
        discard(part)
        raise
    discard(part)


def _check_packed(path: Path, archive: ArchiveEntry, source: str) -> None:
    with path.open("rb") as file:
        _check_sum(hashlib.file_digest(file, "sha256").hexdigest(), archive.sha256, source)


def _member_chunks(archive: Path, member: str) -> Iterator[bytes]:
    """The content of a file in a zip; its name there is looked up, and never becomes a path."""
    try:
        with zipfile.ZipFile(archive) as opened, opened.open(member) as file:
            while chunk := file.read(1 << 20):
                yield chunk
    except KeyError:
        raise DataError("no such file in the archive", member, source=str(archive)) from None
    except (zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"a broken zip file ({error})", "a whole one", source=str(archive)) from None


def _place(chunks: Iterable[bytes], file: FileEntry, folder: Path, source: str) -> None:
    """Write a file, whole and checked or not at all."""
    digest, size = hashlib.sha256(), 0
    with replacing(folder / file.name) as temporary:
        with temporary.open("wb") as out:
            for chunk in chunks:
                size += len(chunk)
                if file.bytes is not None and size > file.bytes:
                    raise DataError(f"more than {file.bytes:,} bytes, unpacked", f"{file.bytes:,}", source=source)
                digest.update(chunk)
                out.write(chunk)
        if file.sha256:
            _check_sum(digest.hexdigest(), file.sha256, source)


def _check_sum(found: str, expected: str, source: str) -> None:
    if found != expected:
        raise DataError(f"the SHA-256 {found}", expected, source=source)
