"""The files of a registry entry in a folder."""

from __future__ import annotations

import os
from pathlib import Path

from tagsmith.corpora.registry import FileEntry, Registry, RegistryEntry, read_registry
from tagsmith.errors import DataError


def locate(name: str, folder: str | os.PathLike[str], registry: Registry | None = None) -> dict[str, Path]:
    """Return the files of a corpus by split, or of word vectors by their key in the registry.

    Args:
        folder: the entry's files, or a folder of data sets with a subfolder for it.

    Raises:
        ConfigError: no entry has this name.
        DataError: a file is missing; the error lists the names that were tried.
    """
    entry = (registry or read_registry())[name]
    place = entry_folder(name, entry, folder)
    found = {key: find_file(file, place) for key, file in entry.files.items()}
    if missing := [key for key, path in found.items() if path is None]:
        tried = "; ".join(f"{key}: {' or '.join((entry.files[key].name, *entry.files[key].also))}" for key in missing)
        raise DataError(f"no {', '.join(missing)} of {name}", f"{tried} (plain or .gz)", source=str(place))
    return {key: path for key, path in found.items() if path is not None}


def entry_folder(name: str, entry: RegistryEntry, folder: str | os.PathLike[str]) -> Path:
    """Return the entry's subfolder in a folder of data sets, or the folder itself if it has none.

    Raises:
        DataError: there is no such folder.
    """
    if not Path(folder).is_dir():
        raise DataError("no such folder", f"the files of {name}, or a folder of data sets", source=str(folder))
    own = Path(folder) / (entry.folder or name)
    return own if own.is_dir() else Path(folder)


def find_file(file: FileEntry, folder: Path) -> Path | None:
    """Return the file in a folder under one of its names, plain or gzip, or None."""
    return next((folder / name for name in file.names if (folder / name).is_file()), None)
