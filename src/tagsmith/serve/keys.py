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
_MIN_LENGTH = 16


class ApiKeys:
    """The API keys of a service, kept as hashes. A service without keys is open to whoever can reach it."""

    def __init__(self, keys: list[str]) -> None:
        self._hashes = [sha256(key.encode()).digest() for key in keys]

    @classmethod
    def read(cls, path: Path | None, environment: Mapping[str, str] = os.environ) -> ApiKeys:
        """Return the keys in a file, or without a file those in the variable TAGSMITH_API_KEYS.

        A file has one key a line; blank lines and lines that begin with # are skipped. The variable has white space
        between keys.

        Raises:
            DataError: the file can't be read or has no keys; the variable is set but has none; or a key is too short or
                is not printable ASCII.
        """
        if path is None:
            source, numbered = VARIABLE, list(enumerate(environment.get(VARIABLE, "").split(), 1))
            is_open = VARIABLE not in environment
        else:
            lines = ((number, line.strip()) for number, line in read_lines(path))
            source = str(path)
            numbered = [(number, line) for number, line in lines if line and not line.startswith("#")]
            is_open = False
        if not numbered and not is_open:
            raise DataError("no keys", "at least one, or neither the option nor the variable", source=source)
        for number, key in numbered:
            if len(key) < _MIN_LENGTH or not key.isascii() or not key.isprintable() or " " in key:
                expected = f"at least {_MIN_LENGTH} printable ASCII characters without spaces"
                raise DataError(f"a key of {len(key)} characters", expected, source=source, line=number)
        return cls([key for _, key in numbered])

    def __bool__(self) -> bool:
        return bool(self._hashes)

    def allow(self, authorization: bytes) -> bool:
        """Return whether a header ``Authorization: Bearer KEY`` has one of the keys, in constant time."""
        scheme, _, key = authorization.partition(b" ")
        given = sha256(key.strip()).digest()
        matches = [compare_digest(given, known) for known in self._hashes]
        return scheme.lower() == b"bearer" and any(matches)
