"""Read lines and write files atomically. Only this module opens paths that a user names."""

from __future__ import annotations

import gzip
import os
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import platformdirs

from tagsmith.errors import DataError

STDIN = "-"
_BOM = "\ufeff"
_CHUNK = 1 << 20

Watch = Callable[[int, int], None]
"""Called while a file is read, with the bytes read so far and the file's size, both as on disk."""


def source_name(path: str | os.PathLike[str]) -> str:
    """Return the name of a file for errors."""
    return "<stdin>" if str(path) == STDIN else str(path)


def open_bytes(path: str | os.PathLike[str]) -> BinaryIO:
    """Return the bytes of a file, decompressed if its first two bytes say gzip; '-' is stdin.

    Raises:
        DataError: the file is missing, unreadable, or a folder.
    """
    if str(path) == STDIN:
        return sys.stdin.buffer
    try:
        raw = Path(path).open("rb")  # noqa: SIM115 (the caller closes it)
    except FileNotFoundError:
        raise DataError("no such file", "a file that exists", source=str(path)) from None
    except IsADirectoryError:
        raise DataError("a folder", "a file", source=str(path)) from None
    except OSError as error:
        raise DataError(error.strerror or str(error), "a readable file", source=str(path)) from None
    # A buffered reader of a pipe may not seek, so the magic bytes are peeked at, never read.
    if raw.peek(2)[:2] == b"\x1f\x8b":
        return cast(BinaryIO, _Unpacked(raw))
    return raw


class _Unpacked(gzip.GzipFile):
    """The content of a gzip file. Closing it also closes the underlying file, unlike GzipFile."""

    def __init__(self, packed: BinaryIO) -> None:
        self.packed = packed
        super().__init__(fileobj=packed)

    def close(self) -> None:
        super().close()
        self.packed.close()


def read_chunks(path: str | os.PathLike[str], watch: Watch | None = None) -> Iterator[bytes]:
    """Yield the bytes of a file, decompressed, one mebibyte at a time.

    Raises:
        DataError: the file can't be read, or is damaged gzip.
    """
    file = open_bytes(path)
    raw = file.packed if isinstance(file, _Unpacked) else file
    size = Path(path).stat().st_size if Path(path).is_file() else 0
    try:
        while chunk := file.read(_CHUNK):
            if watch is not None and size:  # a pipe has no known size
                watch(raw.tell(), size)
            yield chunk
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"a broken gzip file ({error})", "a whole one", source=source_name(path)) from None
    finally:
        if file is not sys.stdin.buffer:
            file.close()


def read_lines(path: str | os.PathLike[str]) -> Iterator[tuple[int, str]]:
    """Yield the line numbers (from 1) and lines of a UTF-8 file, each with its own line ending.

    Only a line feed ends a line; U+2028, form feeds and the like do not. A byte order mark at the start
    of the file is removed.

    Raises:
        DataError: the file can't be read, is not UTF-8, or holds a NUL byte.
    """
    source = source_name(path)
    file = open_bytes(path)
    try:
        for number, raw in enumerate(file, 1):
            line = _decode(raw, source, number)
            yield number, line.removeprefix(_BOM) if number == 1 else line
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"a broken gzip file ({error})", "a whole one", source=source) from None
    finally:
        if file is not sys.stdin.buffer:
            file.close()


def _decode(raw: bytes, source: str, number: int) -> str:
    if b"\0" in raw:
        found = f"a NUL byte (byte {raw.index(0) + 1} of the line)"
        raise DataError(found, "UTF-8 text (is the file UTF-16, or not text?)", source=source, line=number)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        found = f"byte 0x{raw[error.start]:02X} (byte {error.start + 1} of the line)"
        raise DataError(found, "UTF-8 text", source=source, line=number) from None


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path that replaces ``path`` when the block succeeds and is removed when it fails.

    A link still points to the new content. A device or a pipe, such as /dev/null, can't be replaced, so the block
    gets ``path`` itself.

    Raises:
        DataError: ``path`` is a folder, or its folder is missing or read-only.
    """
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise DataError("a folder", "a file name to write to", source=str(path))
    if target.exists() and not target.is_file():
        yield target
        return
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name[:60]}.", suffix=".part", dir=target.parent)
    except OSError as error:
        raise DataError(
            error.strerror or str(error), "a folder that can be written to", source=str(target.parent)
        ) from None
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def check_readable(path: str | os.PathLike[str], expected: str = "a file that exists") -> None:
    """Check before long work that a file exists, without opening it (it may be a pipe).

    Raises:
        DataError: there is no such file, or it is a folder.
    """
    # os.path returns False where pathlib raises: a name may be too long for the system.
    if os.path.isdir(path):  # noqa: PTH112
        raise DataError("a folder", expected, source=str(path))
    if str(path) != STDIN and not os.path.exists(path):  # noqa: PTH110
        raise DataError("no such file", expected, source=str(path))


def check_writable(path: str | os.PathLike[str]) -> None:
    """Check before long work that ``path`` can be written.

    Raises:
        DataError: the folder is missing or read-only, or ``path`` is a folder.
    """
    target = Path(path)
    if target.is_dir() or str(path) == STDIN:
        found = "a folder" if target.is_dir() else "'-', which would be stdout"
        raise DataError(found, "a file name to write to", source=str(target))
    if not target.parent.is_dir() or not os.access(target.parent, os.W_OK):
        raise DataError("no folder that can be written to", "an existing one", source=str(target.parent))


def check_distinct(place: str | os.PathLike[str], *inputs: object) -> None:
    """Check that an output file is not one of the inputs. Inputs that are not paths are ignored.

    Raises:
        DataError: it is one of them.
    """
    for given in inputs:
        if isinstance(given, str | os.PathLike) and os.path.realpath(given) == os.path.realpath(place):
            raise DataError("a file that is also read", "a file of its own to write to", source=str(place))


def cache_folder(name: str) -> Path | None:
    """Return a folder for caches: in the user's cache folder, or in ``TAGSMITH_CACHE``.

    It is created if missing. Return None if it can't be written to.
    """
    folder = Path(os.environ.get("TAGSMITH_CACHE") or platformdirs.user_cache_path("tagsmith")) / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        check_writable(folder / "anything")
    except (OSError, DataError):
        return None
    return folder
