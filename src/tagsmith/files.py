"""Lines in, files out: the only place that opens what a user names."""

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
"""Called while a file is read: with the bytes read so far, as they lie on disk, and how many there are."""


def source_name(path: str | os.PathLike[str]) -> str:
    """What a file is called in errors."""
    return "<stdin>" if str(path) == STDIN else str(path)


def open_bytes(path: str | os.PathLike[str]) -> BinaryIO:
    """The bytes of a file, unpacked if it is gzip (by its first two bytes, whatever its name); '-' is stdin.

    Raises:
        DataError: the file is not there, is a folder, or may not be read.
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
    """The content of a gzip file; closing it closes the file too, which GzipFile leaves to others."""

    def __init__(self, packed: BinaryIO) -> None:
        self.packed = packed
        super().__init__(fileobj=packed)

    def close(self) -> None:
        super().close()
        self.packed.close()


def read_chunks(path: str | os.PathLike[str], watch: Watch | None = None) -> Iterator[bytes]:
    """The bytes of a file, unpacked, a mebibyte at a time.

    Raises:
        DataError: the file can't be read, or its packing is broken.
    """
    file = open_bytes(path)
    raw = file.packed if isinstance(file, _Unpacked) else file
    size = Path(path).stat().st_size if Path(path).is_file() else 0
    try:
        while chunk := file.read(_CHUNK):
            if watch is not None and size:  # of a pipe nobody knows how much there is
                watch(raw.tell(), size)
            yield chunk
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"a broken gzip file ({error})", "a whole one", source=source_name(path)) from None
    finally:
        if file is not sys.stdin.buffer:
            file.close()


def read_lines(path: str | os.PathLike[str]) -> Iterator[tuple[int, str]]:
    """Line numbers (from 1) and lines of a UTF-8 file, each with its own line ending.

    A line ends at a line feed and nowhere else: U+2028, form feeds and their like stay inside it. A byte order
    mark at the start of the file is taken off.

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
    """A temporary path beside ``path``, moved onto it when the block ends well and removed when it doesn't.

    A link stays a link, to the new content. A device or a pipe, such as /dev/null, can't be replaced: for one, it is
    ``path`` itself.

    Raises:
        DataError: ``path`` is a folder, or its folder is not there or may not be written to.
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
    """See to it, before long work, that a file is there, without opening it (it may be a pipe).

    Raises:
        DataError: there is no such file, or it is a folder.
    """
    # os.path, which says no where pathlib raises: a name may be too long for the system.
    if os.path.isdir(path):  # noqa: PTH112
        raise DataError("a folder", expected, source=str(path))
    if str(path) != STDIN and not os.path.exists(path):  # noqa: PTH110
        raise DataError("no such file", expected, source=str(path))


def check_writable(path: str | os.PathLike[str]) -> None:
    """See to it, before long work, that a file can be put at ``path``.

    Raises:
        DataError: it can't: the folder is missing or closed, or ``path`` is itself a folder.
    """
    target = Path(path)
    if target.is_dir() or str(path) == STDIN:
        found = "a folder" if target.is_dir() else "'-', which would be stdout"
        raise DataError(found, "a file name to write to", source=str(target))
    if not target.parent.is_dir() or not os.access(target.parent, os.W_OK):
        raise DataError("no folder that can be written to", "an existing one", source=str(target.parent))


def check_distinct(place: str | os.PathLike[str], *inputs: object) -> None:
    """See to it that a file to be written is none of those that are read; inputs that are no paths are passed over.

    Raises:
        DataError: it is one of them.
    """
    for given in inputs:
        if isinstance(given, str | os.PathLike) and os.path.realpath(given) == os.path.realpath(place):
            raise DataError("a file that is also read", "a file of its own to write to", source=str(place))


def cache_folder(name: str) -> Path | None:
    """A folder to keep what can be made anew: in the user's cache folder, or the one named by ``TAGSMITH_CACHE``.

    It is made if it isn't there; None where nothing can be written.
    """
    folder = Path(os.environ.get("TAGSMITH_CACHE") or platformdirs.user_cache_path("tagsmith")) / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        check_writable(folder / "anything")
    except (OSError, DataError):
        return None
    return folder
