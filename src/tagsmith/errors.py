"""Every error tagsmith raises on purpose, and what each one means.

TagsmithError
├── DataError        a file or an input is not what it should be: where, what was found, what was expected
├── ConfigError      a setting is unknown, or has a value it can't have
├── ModelFileError   a model file is damaged, foreign, or of a version this tagsmith can't read
└── MissingExtra     a part of tagsmith that was not installed is needed
"""

from __future__ import annotations


class TagsmithError(Exception):
    """The root of the tree: catch this one to catch all of them."""


class DataError(TagsmithError):
    """A place in a file or an input, what stands there, and what should."""

    def __init__(self, found: str, expected: str, *, source: str = "", line: int | None = None) -> None:
        self.found, self.expected, self.source, self.line = found, expected, source, line
        place = ":".join(str(part) for part in (source, line) if part not in ("", None))
        super().__init__(f"{place + ': ' if place else ''}found {found}; expected {expected}")

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild_data_error, (self.found, self.expected, self.source, self.line)


def _rebuild_data_error(found: str, expected: str, source: str, line: int | None) -> DataError:
    return DataError(found, expected, source=source, line=line)


class ConfigError(TagsmithError):
    """A setting is unknown, or has a value it can't have."""


class ModelFileError(TagsmithError):
    """A model file is damaged, foreign, or of a version this tagsmith can't read."""


class MissingExtra(TagsmithError, ImportError):
    """A part of tagsmith that was not installed is needed."""

    def __init__(self, what: str, extra: str) -> None:
        self.what, self.extra = what, extra
        super().__init__(f"{what} is not installed; install it with: pip install 'tagsmith[{extra}]'")

    def __reduce__(self) -> tuple[object, ...]:
        return MissingExtra, (self.what, self.extra)
