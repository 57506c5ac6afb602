"""The registry of corpora and word vectors: ``registry.toml``, and a user's own file with more entries."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from tagsmith.errors import ConfigError, DataError
from tagsmith.files import check_readable

_Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
_Count = Annotated[int, Meta(ge=0)]
# A name can't lead out of its folder.
_Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.\-]{0,99}$")]
_Folder = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.\-]*(/[A-Za-z0-9_][A-Za-z0-9_.\-]*)*$")]
_Url = Annotated[str, Meta(pattern="^https?://[^ ]+$")]


class ArchiveEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A zip file with the files of an entry."""

    url: _Url
    name: _Name
    """Its name on disk."""
    bytes: _Count
    sha256: _Sha256


class FileEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file: its names and its content. If it comes as gzip, the content is what is unpacked."""

    name: _Name
    """The name on disk of a downloaded file."""
    also: tuple[_Name, ...] = ()
    """Its other usual names."""
    bytes: _Count | None = None
    sha256: _Sha256 | None = None
    """Of the content. If unset, only the counts can be compared."""
    url: _Url | None = None
    """The address of the content, plain or gzip. If unset, the file is not downloaded on its own."""
    member: str | None = None
    """Its name in the entry's archive."""

    def __post_init__(self) -> None:
        if self.url and not (self.bytes and self.sha256):
            raise ValueError(f"{self.name} has a url, so it needs bytes and sha256 too")

    @property
    def names(self) -> tuple[str, ...]:
        """All names under which it is searched for, plain before gzip."""
        plain = (self.name, *self.also)
        return (*plain, *(f"{name}.gz" for name in plain))


class SplitEntry(FileEntry, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file of sentences. -DOCSTART- lines count as neither sentences nor tokens."""

    sentences: _Count
    tokens: _Count
    spans: _Count | None = None
    """Entities or chunks; unset for plain tags."""
    malformed: _Count = 0
    """Lines without a token and a tag. They are left out of the counts."""


class VectorFileEntry(FileEntry, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file of word vectors."""

    words: _Count
    dim: _Count


class RegistryEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The fields that corpora and word vectors share."""

    title: str
    language: str
    licence: str
    """An SPDX identifier if there is one."""
    shippable: bool
    """Whether models made with it may be published under their own licence."""
    homepage: _Url
    citation: str
    how: str
    """How to get it; for a download, its source."""
    archive: ArchiveEntry | None = None
    folder: _Folder | None = None
    """Its subfolder in a folder of data sets; its name if unset."""


class CorpusEntry(RegistryEntry, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Tagged sentences."""

    task: str
    scheme: str
    """A key of ``tagsmith.schemes.SCHEMES``, or ``plain``."""
    tag_column: int | str | None = None
    """The last column if unset, or UPOS in CoNLL-U."""
    last_tenth_is_dev: bool = False
    """Whether the last tenth of train serves as dev, because the corpus has none."""
    files: dict[_Name, SplitEntry]
    """By split: train, dev, test; or by part, for a corpus without splits."""


class VectorsEntry(RegistryEntry, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Word vectors, in one file or in several of different dimensions."""

    files: dict[_Name, VectorFileEntry]


DataSet = CorpusEntry | VectorsEntry


def select_files(entry: DataSet, keys: Iterable[str] = ()) -> list[str]:
    """Return the keys of an entry's files: those given, or all if none are given.

    Raises:
        ConfigError: the entry has no file with one of these keys.
    """
    keys = list(keys) or list(entry.files)
    for key in keys:
        if key not in entry.files:
            raise ConfigError(f"found the split or file {key!r}; expected one of: {', '.join(entry.files)}")
    return keys


def is_downloadable(entry: DataSet, keys: Iterable[str] = ()) -> bool:
    """Return whether these files of an entry can all be downloaded; without keys, all its files.

    Raises:
        ConfigError: the entry has no file with one of these keys.
    """
    files = [entry.files[key] for key in select_files(entry, keys)]
    return all(file.url or (entry.archive and file.member) for file in files)


class _Document(Struct, forbid_unknown_fields=True):
    corpora: dict[_Name, CorpusEntry] = {}
    vectors: dict[_Name, VectorsEntry] = {}


@dataclass(frozen=True)
class Registry:
    """Corpora and word vectors by name, corpora first."""

    entries: Mapping[str, DataSet]

    def __getitem__(self, name: str) -> DataSet:
        """Return the entry of this name.

        Raises:
            ConfigError: there is no such entry.
        """
        try:
            return self.entries[name]
        except KeyError:
            raise ConfigError(f"found the data set {name!r}; expected one of: {', '.join(self.entries)}") from None

    def corpus(self, name: str) -> CorpusEntry:
        """Return the corpus of this name.

        Raises:
            ConfigError: there is no such entry, or it is word vectors.
        """
        entry = self[name]
        if not isinstance(entry, CorpusEntry):
            raise ConfigError(f"found {name!r}, which is word vectors; expected a corpus")
        return entry


def read_registry(path: str | os.PathLike[str] | None = None) -> Registry:
    """Read the registry in the package, and a TOML file whose entries are added or replace those of equal name.

    Raises:
        DataError: the file can't be read, or is not a registry.
    """
    own = _parse(files("tagsmith").joinpath("corpora/registry.toml").read_text("utf-8"), "registry.toml")
    if path is None:
        return Registry(own)
    check_readable(path, "a TOML file of data sets")
    try:
        text = Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(str(error), "a TOML file of data sets", source=str(path)) from None
    return Registry({**own, **_parse(text, str(path))})


def _parse(text: str, source: str) -> dict[str, DataSet]:
    try:
        document = msgspec.convert(tomllib.loads(text), _Document)
    except tomllib.TOMLDecodeError as error:
        raise DataError(str(error), "TOML", source=source) from None
    except msgspec.ValidationError as error:
        found, _, place = str(error).partition(" - at ")
        where = re.sub(r"[`$]", "", place).lstrip(".")
        raise DataError(
            f"{found} ({where})" if where else found, "a registry as docs/data.md says", source=source
        ) from None
    return {**document.corpora, **document.vectors}
