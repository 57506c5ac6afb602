"""Resumable download of one file over HTTP, with retries and a size limit.

Only https is allowed, before and after redirects, except for http to this machine.

It is built on the standard library's client: pooch and httpx do not resume downloads.
"""

from __future__ import annotations

import http.client
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from email.message import Message
from pathlib import Path
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from tagsmith.errors import DataError
from tagsmith.files import Watch

_TRIES = 4
"""The number of tries in a row that may bring no new bytes."""
_TIMEOUT = 30.0  # seconds without a byte
_CHUNK = 1 << 16
_RETRIED = {408, 425, 429, 500, 502, 503, 504}
_THIS_MACHINE = {"localhost", "127.0.0.1", "::1"}

Say = Callable[[str], None]


class _TransientError(Exception):
    """A failure that may not happen on the next try."""


def fetch(
    url: str, part: Path, limit: int, *, watch: Watch | None = None, say: Say | None = None, pause: float = 1.0
) -> None:
    """Download ``url`` to ``part``, and resume where an earlier call stopped if the content is still the same.

    A small file next to it, ``.version``, identifies the content; ``discard`` removes both.

    Args:
        limit: the maximum number of bytes.
        watch: called with the bytes received and the size of the file.
        say: called with a message before each wait.
        pause: seconds before the second try; the wait doubles with each try that brings no new bytes.

    Raises:
        DataError: the server can't be reached, doesn't have the file, or sends more than ``limit``. The bytes received
            are kept, and the same call resumes from them.
    """
    _check_scheme(url)
    most, failures = _size(part), 0
    while True:
        try:
            return _resume(url, part, limit, watch)
        except _TransientError as error:
            failures = 1 if _size(part) > most else failures + 1
            most = max(most, _size(part))
            if failures == _TRIES:
                found = f"{error}, {_TRIES} times in a row"
                raise DataError(found, "the file (the same command resumes the download)", source=url) from None
            wait = pause * 2 ** (failures - 1)
            if say is not None:
                say(f"{error}; trying again in {wait:g} s")
            time.sleep(wait)


def discard(part: Path) -> None:
    """Remove a partial download, so that the next call starts from the beginning."""
    for path in (part, _version_path(part)):
        path.unlink(missing_ok=True)


def _resume(url: str, part: Path, limit: int, watch: Watch | None) -> None:
    have = _size(part)
    version = _version_path(part).read_text("utf-8") if have and _version_path(part).is_file() else ""
    # Without a version there is no way to tell whether the bytes received are still part of the content.
    headers = {"Range": f"bytes={have}-", "If-Range": version} if version else {}
    try:
        response = _open(url, headers)
    except HTTPError as error:
        if error.code == 416 and error.headers.get("Content-Range") == f"bytes */{have}":
            return  # the download was complete
        if error.code == 416:
            discard(part)
        if error.code in _RETRIED or error.code == 416:
            raise _TransientError(f"HTTP status {error.code} ({error.reason})") from None
        raise DataError(f"HTTP status {error.code} ({error.reason})", "the file", source=url) from None
    with response:
        if response.status == 206 and _range_start(response.headers) != have:
            discard(part)
            raise _TransientError("another part of the file than was asked for")
        if response.status != 206:
            discard(part)
            have = 0
        length = response.headers.get("Content-Length")
        size = have + int(length) if length and length.isdigit() else None
        _check_size(size or 0, limit, url, part)
        _version_path(part).write_text(_version(response.headers), "utf-8")
        with part.open("ab") as file:
            for chunk in _chunks(response):
                have += len(chunk)
                _check_size(have, limit, url, part)
                file.write(chunk)
                if watch is not None:
                    watch(have, size or limit)
    if size is not None and have != size:
        raise _TransientError(f"the connection ended after {have:,} of {size:,} bytes")


def _check_size(size: int, limit: int, url: str, part: Path) -> None:
    if size > limit:
        discard(part)
        raise DataError(f"{size:,} bytes or more", f"at most {limit:,}", source=url)


def _open(url: str, headers: Mapping[str, str]) -> http.client.HTTPResponse:
    request = Request(url, headers={"User-Agent": "tagsmith", "Accept-Encoding": "identity", **headers})
    with _network_errors():
        return build_opener(_Redirects).open(request, timeout=_TIMEOUT)


def _chunks(response: IO[bytes]) -> Iterator[bytes]:
    while True:
        with _network_errors():
            chunk = response.read(_CHUNK)
        if not chunk:
            return
        yield chunk


@contextmanager
def _network_errors() -> Iterator[None]:
    """Turn errors of the network into transient ones. Errors of the disk, such as a full one, happen elsewhere."""
    try:
        yield
    except HTTPError:
        raise
    except (URLError, OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error or type(error).__name__
        raise _TransientError(f"no connection ({reason})") from None


class _Redirects(HTTPRedirectHandler):
    def redirect_request(self, req: Request, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Request | None:
        _check_scheme(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _check_scheme(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _THIS_MACHINE):
        raise DataError(f"the address {url}", "one that begins with https://, also after redirects")


def _range_start(headers: Message) -> int | None:
    match = re.match(r"bytes (\d+)-", headers.get("Content-Range", ""))
    return int(match[1]) if match else None


def _version(headers: Message) -> str:
    """Return what identifies the content: its ETag, unless weak (W/), or else its date, or else ""."""
    etag = headers.get("ETag", "")
    return etag if etag.startswith('"') else headers.get("Last-Modified", "")


def _version_path(part: Path) -> Path:
    return part.with_name(f"{part.name}.version")


def _size(part: Path) -> int:
    return part.stat().st_size if part.is_file() else 0
