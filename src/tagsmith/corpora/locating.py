"""Where the files of an entry lie, and what a corpus holds."""

from __future__ import annotations

import os
from pathlib import Path

from tagsmith import formats
from tagsmith.corpora.registry import CorpusEntry, Entry, FileEntry, Registry, read_registry
from tagsmith.errors import DataError
from tagsmith.formats.columns import Columns
from tagsmith.text import Sentence


def folder_of(name: str, entry: Entry, folder: str | os.PathLike[str]) -> Path:
    """The entry's own folder: the one that a folder of data sets has for it, or the folder itself.

    Raises:
        DataError: there is no such folder.
    """
    if not Path(folder).is_dir():
        raise DataError("no such folder", f"the files of {name}, or a folder of data sets", source=str(folder))
    own = Path(folder) / (entry.folder or name)
    return own if own.is_dir() else Path(folder)


def find(file: FileEntry, folder: Path) -> Path | None:
    """The file in its folder, by one of its names, plain or gzip; None if it is not there."""
    return next((folder / name for name in file.names if (folder / name).is_file()), None)


def locate(name: str, folder: str | os.PathLike[str], registry: Registry | None = None) -> dict[str, Path]:
    """The files of a corpus, by split, or of word vectors, by what sets them apart.

    Args:
        folder: the entry's files, or a folder of data sets with a folder for it.

    Raises:
        ConfigError: no entry has this name.
        DataError: a file is missing; the error lists the names that were looked for.
    """
    entry = (registry or read_registry())[name]
    place = folder_of(name, entry, folder)
    found = {key: find(file, place) for key, file in entry.files.items()}
    if missing := [key for key, path in found.items() if path is None]:
        looked = "; ".join(f"{key}: {' or '.join((entry.files[key].name, *entry.files[key].also))}" for key in missing)
        raise DataError(f"no {', '.join(missing)} of {name}", f"{looked} (plain or .gz)", source=str(place))
    return {key: path for key, path in found.items() if path is not None}


def read_corpus(
    name: str, folder: str | os.PathLike[str], registry: Registry | None = None
) -> dict[str, list[Sentence]]:
    """The sentences of a corpus, by split; for one without a dev of its own, the last tenth of train is dev.

    Args:
        folder: the corpus's files, or a folder of data sets with a folder for it.

    Raises:
        ConfigError: no corpus has this name.
        DataError: a file is missing or can't be read, or more of its lines are malformed than the registry says.
    """
    registry = registry or read_registry()
    corpus = registry.corpus(name)
    splits = {key: read_split(corpus, key, path) for key, path in locate(name, folder, registry).items()}
    return cut_dev(splits) if corpus.last_tenth_is_dev else splits


def cut_dev(splits: dict[str, list[Sentence]]) -> dict[str, list[Sentence]]:
    """The same splits with the last tenth of train, rounded down, as dev."""
    train = splits["train"]
    cut = len(train) - len(train) // 10
    return {"train": train[:cut], "dev": train[cut:], **{key: splits[key] for key in splits if key != "train"}}


def read_split(corpus: CorpusEntry, split: str, path: str | os.PathLike[str]) -> list[Sentence]:
    """The sentences of one file, without the malformed lines that the registry knows of.

    Raises:
        DataError: the file can't be read, or has more malformed lines.
    """
    sentences, malformed = read_with_malformed(corpus, path)
    if len(malformed) > corpus.files[split].malformed:
        raise malformed[0]
    return sentences


def read_with_malformed(corpus: CorpusEntry, path: str | os.PathLike[str]) -> tuple[list[Sentence], list[DataError]]:
    """The sentences of one file, and what is wrong with the lines left out."""
    malformed: list[DataError] = []
    columns = Columns(tag=corpus.tag_column)
    return list(formats.read(path, columns=columns, on_bad=malformed.append)), malformed
