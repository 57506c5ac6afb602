"""The models in the package, by name. Each file holds a model card."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path

from tagsmith.errors import DataError
from tagsmith.files import check_readable

_FOLDER = Path(str(files(__name__)))


def names() -> list[str]:
    """Return the names of the models in the package."""
    return sorted(path.stem for path in _FOLDER.glob("*.safetensors"))


def is_bundled(model: str | os.PathLike[str]) -> bool:
    """Return whether this names a model in the package. A file of the same name in the working directory wins."""
    return str(model) in names() and not os.path.lexists(model)


def find(model: str | os.PathLike[str]) -> Path:
    """Return the path of a model file: the given file, or a model in the package by its name.

    Raises:
        DataError: no such file, and no such name.
    """
    if is_bundled(model):
        return _FOLDER / f"{model}.safetensors"
    check_readable(model, f"a tagsmith model file or one of: {', '.join(names())}")
    return Path(model)


def check_own(model: str | os.PathLike[str]) -> None:
    """Check that a model is not one in the package, which must not change.

    Raises:
        DataError: it is.
    """
    if is_bundled(model):
        raise DataError("a model in the package", "a file to write to: --out FILE", source=str(model))
