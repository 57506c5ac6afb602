"""Download of registry entries: their files are fetched, unpacked and verified, and only then appear in the folder."""

from __future__ import annotations

import hashlib
import os
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from tagsmith.corpora.checking import sha256_of
from tagsmith.corpora.http_transfer import Say, discard, fetch
from tagsmith.corpora.locating import find_file
from tagsmith.corpora.registry import ArchiveEntry, DataSet, FileEntry, is_downloadable, select_files
from tagsmith.errors import DataError
from tagsmith.files import Watch, read_chunks, replacing

Bar = Callable[[str], AbstractContextManager[Watch | None]]
"""Given a file's name, shows the progress of its download."""

_GZIP_OVERHEAD = 1 << 10  # gzip of incompressible data is slightly longer than the data


def download(
    name: str,
    entry: DataSet,
    folder: str | os.PathLike[str],
    keys: Iterable[str] = (),
    *,
    say: Say = lambda sentence: None,
    bar: Bar = lambda name: nullcontext(),
    pause: float = 1.0,
) -> dict[str, Path]:
    """Download the files of an entry into its subfolder of ``folder``. Correct files that exist are kept.

    Args:
        keys: the splits of a corpus, or the files of word vectors; by default all.
        say: called with messages about the progress.
        pause: as in ``fetch``.

    Raises:
        ConfigError: the entry has no such file.
        DataError: a file is not offered for download, can't be fetched or fails verification, or another file has its
            name. A file that fails verification is not kept.
    """
    keys = select_files(entry, keys)
    if not is_downloadable(entry, keys):
        expected = f"files of your own. {entry.how} Then: tagsmith data check {name} FOLDER"
        raise DataError(f"no download of {name} (licence: {entry.licence})", expected)
    own = Path(folder) / (entry.folder or name)
    try:
        own.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(error.strerror or str(error), "a folder that can be made", source=str(own)) from None
    paths = {}
    for key in keys:
        file = entry.files[key]
        existing = find_file(file, own)
        if existing is not None:
            _verify_existing(file, existing)
            say(f"{existing}: already there")
        elif file.url:
            _download_file(file, file.url, own, say, bar, pause)
        elif entry.archive and file.member:  # always true, by is_downloadable
            archive = _download_archive(entry.archive, own, say, bar, pause)
            _write_verified(_member_chunks(archive, file.member), file, own, f"{archive}: {file.member}")
        paths[key] = existing or own / file.name
        if existing is None:
            say(f"{paths[key]}: done")
    return paths


def _verify_existing(file: FileEntry, path: Path) -> None:
    if file.sha256 and (found := sha256_of(path)) != file.sha256:
        expected = f"{file.sha256}, or no file, to download it"
        raise DataError(f"another file, with the SHA-256 {found}", expected, source=str(path))


def _download_file(file: FileEntry, url: str, folder: Path, say: Say, bar: Bar, pause: float) -> None:
    part = folder / f".{file.name}.part"
    with bar(file.name) as watch:
        fetch(url, part, (file.bytes or 0) + _GZIP_OVERHEAD, watch=watch, say=say, pause=pause)
    with _discarding(part):
        _write_verified(read_chunks(part), file, folder, url)


def _download_archive(archive: ArchiveEntry, folder: Path, say: Say, bar: Bar, pause: float) -> Path:
    target = folder / archive.name
    if target.is_file():
        _verify_archive(target, archive, str(target))
        return target
    part = folder / f".{archive.name}.part"
    with bar(archive.name) as watch:
        fetch(archive.url, part, archive.bytes, watch=watch, say=say, pause=pause)
    with _discarding(part):
        _verify_archive(part, archive, archive.url)
        part.replace(target)
    say(f"{target}: kept for its other files; it may be deleted")
    return target


@contextmanager
def _discarding(part: Path) -> Iterator[None]:
    """Remove a partial download after verification, passed or failed; keep it if that is interrupted."""
    try:
        yield
    except DataError:
        discard(part)
        raise
    discard(part)


def _verify_archive(path: Path, archive: ArchiveEntry, source: str) -> None:
    with path.open("rb") as file:
        _compare_sha256(hashlib.file_digest(file, "sha256").hexdigest(), archive.sha256, source)


def _member_chunks(archive: Path, member: str) -> Iterator[bytes]:
    """Yield the content of a file in a zip. The name in the zip never becomes a path."""
    try:
        with zipfile.ZipFile(archive) as opened, opened.open(member) as file:
            while chunk := file.read(1 << 20):
                yield chunk
    except KeyError:
        raise DataError("no such file in the archive", member, source=str(archive)) from None
    except (zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"a broken zip file ({error})", "a whole one", source=str(archive)) from None


def _write_verified(chunks: Iterable[bytes], file: FileEntry, folder: Path, source: str) -> None:
    """Write a file completely and verified, or not at all."""
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
            _compare_sha256(digest.hexdigest(), file.sha256, source)


def _compare_sha256(found: str, expected: str, source: str) -> None:
    if found != expected:
        raise DataError(f"the SHA-256 {found}", expected, source=source)
