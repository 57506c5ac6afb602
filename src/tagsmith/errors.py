"""All errors that tagsmith raises on purpose.

TagsmithError
├── DataError        bad data in a file or an input: where, what was found, what was expected
├── ConfigError      an unknown setting, or an invalid value
├── ModelFileError   a model file that is damaged, foreign, or of an unsupported version
└── MissingExtra     an optional dependency that is not installed
"""

from __future__ import annotations


class TagsmithError(Exception):
    """The base class of all errors below."""


class DataError(TagsmithError):
    """Bad data in a file or an input: what was found, what was expected, and where."""

    def __init__(self, found: str, expected: str, *, source: str = "", line: int | None = None) -> None:
        self.found, self.expected, self.source, self.line = found, expected, source, line
        place = ":".join(str(part) for part in (source, line) if part not in ("", None))
        super().__init__(f"{place + ': ' if place else ''}found {found}; expected {expected}")

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild_data_error, (self.found, self.expected, self.source, self.line)


def _rebuild_data_error(found: str, expected: str, source: str, line: int | None) -> DataError:
    return DataError(found, expected, source=source, line=line)


class ConfigError(TagsmithError):
    """An unknown setting, or an invalid value."""


class ModelFileError(TagsmithError):
    """A model file that is damaged, foreign, or of an unsupported version."""


class MissingExtra(TagsmithError, ImportError):
    """An optional dependency that is not installed."""

    def __init__(self, what: str, extra: str) -> None:
        self.what, self.extra = what, extra
        super().__init__(f"{what} is not installed; install it with: pip install 'tagsmith[{extra}]'")

    def __reduce__(self) -> tuple[object, ...]:
        return MissingExtra, (self.what, self.extra)
