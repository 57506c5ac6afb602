"""One file over HTTP: a download that was cut off goes on where it stopped, faults that pass are waited out, and more
than the file's size never arrives. Only https, before and after redirects; http for this machine itself alone.

The standard library's client does it: what pooch and httpx, the libraries for this, would leave to us is the resuming.
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
"""So often in a row may a try bring nothing new."""
_TIMEOUT = 30.0  # seconds without a byte
_CHUNK = 1 << 16
_PASSING = {408, 425, 429, 500, 502, 503, 504}
_THIS_MACHINE = {"localhost", "127.0.0.1", "::1"}

Say = Callable[[str], None]


class _Fault(Exception):
    """Something that may have passed by the next try."""


def fetch(
    url: str, part: Path, limit: int, *, watch: Watch | None = None, say: Say | None = None, pause: float = 1.0
) -> None:
    """Bring what stands at ``url`` into ``part``, from where an earlier call stopped, if the content is still the same.

    Beside it a small file, ``.version``, names the content that it is part of; ``discard`` removes both.

    Args:
        limit: the bytes there may be at most.
        watch: called with the bytes that have arrived and the bytes there are.
        say: called with a sentence before each wait.
        pause: seconds before the second try; the wait doubles with each try that brings nothing new.

    Raises:
        DataError: the server can't be reached, doesn't have the file, or sends more than ``limit``. What has arrived
            stays where the same call can go on from it.
    """
    _check_way(url)
    most, failures = _size(part), 0
    while True:
        try:
            return _go_on(url, part, limit, watch)
        except _Fault as fault:
            failures = 1 if _size(part) > most else failures + 1
            most = max(most, _size(part))
            if failures == _TRIES:
                found = f"{fault}, {_TRIES} times in a row"
                raise DataError(
                    found, "the file (the same command goes on from what has arrived)", source=url
                ) from None
            wait = pause * 2 ** (failures - 1)
            if say is not None:
                say(f"{fault}; trying again in {wait:g} s")
            time.sleep(wait)


def discard(part: Path) -> None:
    """Remove what has arrived, so that the next call begins anew."""
    for path in (part, _version_path(part)):
        path.unlink(missing_ok=True)


def _go_on(url: str, part: Path, limit: int, watch: Watch | None) -> None:
    have = _size(part)
    version = _version_path(part).read_text("utf-8") if have and _version_path(part).is_file() else ""
    # Without a name for the content nobody could tell whether what is there still belongs to it.
    headers = {"Range": f"bytes={have}-", "If-Range": version} if version else {}
    try:
        answer = _open(url, headers)
    except HTTPError as error:
        if error.code == 416 and error.headers.get("Content-Range") == f"bytes */{have}":
            return  # all of it had arrived
        if error.code == 416:
            discard(part)
        if error.code in _PASSING or error.code == 416:
            raise _Fault(f"HTTP status {error.code} ({error.reason})") from None
        raise DataError(f"HTTP status {error.code} ({error.reason})", "the file", source=url) from None
    with answer:
        if answer.status == 206 and _range_start(answer.headers) != have:
            discard(part)
            raise _Fault("another part of the file than was asked for")
        if answer.status != 206:
            discard(part)
            have = 0
        length = answer.headers.get("Content-Length")
        size = have + int(length) if length and length.isdigit() else None
        _check_size(size or 0, limit, url, part)
        _version_path(part).write_text(_version(answer.headers), "utf-8")
        with part.open("ab") as file:
            for chunk in _chunks(answer):
                have += len(chunk)
                _check_size(have, limit, url, part)
                file.write(chunk)
                if watch is not None:
                    watch(have, size or limit)
    if size is not None and have != size:
        raise _Fault(f"the connection ended after {have:,} of {size:,} bytes")


def _check_size(size: int, limit: int, url: str, part: Path) -> None:
    if size > limit:
        discard(part)
        raise DataError(f"{size:,} bytes or more", f"{limit:,} at most", source=url)


def _open(url: str, headers: Mapping[str, str]) -> http.client.HTTPResponse:
    request = Request(url, headers={"User-Agent": "tagsmith", "Accept-Encoding": "identity", **headers})
    with _network():
        return build_opener(_Redirects).open(request, timeout=_TIMEOUT)


def _chunks(answer: IO[bytes]) -> Iterator[bytes]:
    while True:
        with _network():
            chunk = answer.read(_CHUNK)
        if not chunk:
            return
        yield chunk


@contextmanager
def _network() -> Iterator[None]:
    """Faults of the network, and no others: a full disk is none."""
    try:
        yield
    except HTTPError:
        raise
    except (URLError, OSError, http.client.HTTPException) as error:
        raise _Fault(f"no connection ({getattr(error, 'reason', None) or error or type(error).__name__})") from None


class _Redirects(HTTPRedirectHandler):
    def redirect_request(self, req: Request, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Request | None:
        _check_way(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _check_way(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _THIS_MACHINE):
        raise DataError(f"the address {url}", "one that begins with https://, also after redirects")


def _range_start(headers: Message) -> int | None:
    match = re.match(r"bytes (\d+)-", headers.get("Content-Range", ""))
    return int(match[1]) if match else None


def _version(headers: Message) -> str:
    """What names the content a server sends: its ETag, unless weak (W/), or else its date; nothing without either."""
    etag = headers.get("ETag", "")
    return etag if etag.startswith('"') else headers.get("Last-Modified", "")


def _version_path(part: Path) -> Path:
    return part.with_name(f"{part.name}.version")


def _size(part: Path) -> int:
    return part.stat().st_size if part.is_file() else 0
