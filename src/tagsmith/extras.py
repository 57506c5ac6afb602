"""Optional dependencies."""

from __future__ import annotations

from importlib.util import find_spec

from tagsmith.errors import MissingExtra


def require(module: str, name: str, extra: str) -> None:
    """Check that a module is installed, without importing it.

    Raises:
        MissingExtra: it is missing; the error says how to install it.
    """
    if find_spec(module) is None:
        raise MissingExtra(name, extra)
