"""API keys: read from a file or the environment, compared in constant time, never shown."""

from __future__ import annotations

import os
from collections.abc import Mapping
from hashlib import sha256
from hmac import compare_digest
from pathlib import Path

from tagsmith.errors import DataError
from tagsmith.files import read_lines

VARIABLE = "TAGSMITH_API_KEYS"
_SHORTEST = 16


class ApiKeys:
    """The keys of a service; without any, it is open to whoever can reach it. Only their hashes are kept."""

    def __init__(self, keys: list[str]) -> None:
        self._hashes = [sha256(key.encode()).digest() for key in keys]

    @classmethod
    def read(cls, path: Path | None, environment: Mapping[str, str] = os.environ) -> ApiKeys:
        """The keys in a file, one a line (blank lines and lines that begin with # are none), or, without a file, in the
        variable TAGSMITH_API_KEYS, with white space between them.

        Raises:
            DataError: a file that can't be read or has no keys, or a key that is short or not of printable ASCII.
        """
        if path is None:
            source, found = VARIABLE, list(enumerate(environment.get(VARIABLE, "").split(), 1))
            is_open = VARIABLE not in environment
        else:
            lines = ((number, line.strip()) for number, line in read_lines(path))
            source, found = str(path), [(number, line) for number, line in lines if line and not line.startswith("#")]
            is_open = False
        if not found and not is_open:
            raise DataError("no keys", "at least one, or neither the option nor the variable", source=source)
        for number, key in found:
            if len(key) < _SHORTEST or not key.isascii() or not key.isprintable() or " " in key:
                expected = f"at least {_SHORTEST} printable ASCII characters without spaces"
                raise DataError(f"a key of {len(key)} characters", expected, source=source, line=number)
        return cls([key for _, key in found])

    def __bool__(self) -> bool:
        return bool(self._hashes)

    def allow(self, authorization: bytes) -> bool:
        """Whether a header ``Authorization: Bearer KEY`` has one of the keys. The time taken does not tell which."""
        scheme, _, key = authorization.partition(b" ")
        given = sha256(key.strip()).digest()
        matches = [compare_digest(given, known) for known in self._hashes]
        return scheme.lower() == b"bearer" and any(matches)
