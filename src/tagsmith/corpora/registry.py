"""The corpora and vectors tagsmith knows by name: ``registry.toml``, read into types; a user's own file adds more."""

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
# A name inside its folder, never a way out of it.
_Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.\-]{0,99}$")]
_Folder = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.\-]*(/[A-Za-z0-9_][A-Za-z0-9_.\-]*)*$")]
_Url = Annotated[str, Meta(pattern="^https?://[^ ]+$")]


class ArchiveEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A zip file that holds the files of an entry."""

    url: _Url
    name: _Name
    """What it is called where it is kept."""
    bytes: _Count
    sha256: _Sha256


class FileEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file: what it is called, and its content, unpacked where it comes as gzip."""

    name: _Name
    """What tagsmith calls it where it is kept."""
    also: tuple[_Name, ...] = ()
    """What it is called elsewhere."""
    bytes: _Count | None = None
    sha256: _Sha256 | None = None
    """Of the content. Unset: not known, and only the counts can be compared."""
    url: _Url | None = None
    """Where its content, or gzip of it, comes from. Unset: it is not downloaded on its own."""
    member: str | None = None
    """What it is called in the entry's archive."""

    def __post_init__(self) -> None:
        if self.url and not (self.bytes and self.sha256):
            raise ValueError(f"{self.name} has a url, so it needs bytes and sha256 too")

    @property
    def names(self) -> tuple[str, ...]:
        """Every name it is looked for by, plain before gzip."""
        plain = (self.name, *self.also)
        return (*plain, *(f"{name}.gz" for name in plain))


class SplitEntry(FileEntry, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file of sentences. Lines of -DOCSTART- are neither sentences nor tokens."""

    sentences: _Count
    tokens: _Count
    spans: _Count | None = None
    """Entities or chunks; unset where the tags are no spans."""
    malformed: _Count = 0
    """Lines that are no token and a tag, and are left out of the counts."""


class VectorFileEntry(FileEntry, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file of word vectors."""

    words: _Count
    dim: _Count


class Entry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What corpora and vectors have in common."""

    title: str
    language: str
    licence: str
    """An SPDX identifier where there is one."""
    shippable: bool
    """Whether models made with it may be given away under their own licence."""
    homepage: _Url
    citation: str
    how: str
    """How to get it; for a download, where it comes from."""
    archive: ArchiveEntry | None = None
    folder: _Folder | None = None
    """Where its files lie in a folder of data sets; unset: in a folder of its name."""


class CorpusEntry(Entry, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Tagged sentences."""

    task: str
    scheme: str
    """A name of ``tagsmith.schemes.SCHEMES``, or plain."""
    tag_column: int | str | None = None
    """Unset: the last column, or UPOS in CoNLL-U."""
    last_tenth_is_dev: bool = False
    """The corpus has no dev: it is cut from train, the last tenth of its sentences."""
    files: dict[_Name, SplitEntry]
    """By split: train, dev, test; or parts of other names, where the corpus has no splits."""


class VectorsEntry(Entry, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Word vectors, in one file or in several of different widths."""

    files: dict[_Name, VectorFileEntry]


DataSet = CorpusEntry | VectorsEntry


def chosen(entry: DataSet, keys: Iterable[str] = ()) -> list[str]:
    """The splits of a corpus or the files of word vectors by these names; without names all of them.

    Raises:
        ConfigError: there is none of a name.
    """
    keys = list(keys) or list(entry.files)
    for key in keys:
        if key not in entry.files:
            raise ConfigError(f"found the split or file {key!r}; expected one of: {', '.join(entry.files)}")
    return keys


def can_get(entry: DataSet, keys: Iterable[str] = ()) -> bool:
    """Whether all these files of an entry, or all it has, can be downloaded."""
    files = [entry.files[key] for key in chosen(entry, keys)]
    return all(file.url or (entry.archive and file.member) for file in files)


class _Document(Struct, forbid_unknown_fields=True):
    corpora: dict[_Name, CorpusEntry] = {}
    vectors: dict[_Name, VectorsEntry] = {}


@dataclass(frozen=True)
class Registry:
    """Entries by name: corpora first, vectors after them."""

    entries: Mapping[str, DataSet]

    def __getitem__(self, name: str) -> DataSet:
        """The entry of a name.

        Raises:
            ConfigError: there is none.
        """
        try:
            return self.entries[name]
        except KeyError:
            raise ConfigError(f"found the data set {name!r}; expected one of: {', '.join(self.entries)}") from None

    def corpus(self, name: str) -> CorpusEntry:
        """The corpus of a name.

        Raises:
            ConfigError: there is none, or the name is that of vectors.
        """
        entry = self[name]
        if not isinstance(entry, CorpusEntry):
            raise ConfigError(f"found {name!r}, which is word vectors; expected a corpus")
        return entry


def read_registry(path: str | os.PathLike[str] | None = None) -> Registry:
    """The registry in the package, and the entries of a TOML file like it, which win over those of their name.

    Raises:
        DataError: the file can't be read, or is not what it should be.
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
